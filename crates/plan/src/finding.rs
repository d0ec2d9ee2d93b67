//! Findings with few words at the place where they arise.

use model::report::{Finding, Weight};
use spec::name::NodeName;

/// A finding about one host.
pub(crate) fn on(
    host: &NodeName,
    code: &str,
    weight: Weight,
    text: impl Into<String>,
    cure: impl Into<String>,
) -> Finding {
    Finding { host: Some(host.clone()), code: code.into(), weight, text: text.into(), cure: cure.into() }
}

/// A finding about the cluster as a whole.
pub(crate) fn cluster(
    code: &str,
    weight: Weight,
    text: impl Into<String>,
    cure: impl Into<String>,
) -> Finding {
    Finding { host: None, code: code.into(), weight, text: text.into(), cure: cure.into() }
}
