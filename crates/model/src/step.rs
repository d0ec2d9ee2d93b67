//! Names of steps.

use std::fmt;

use serde::{Deserialize, Serialize};
use spec::name::NodeName;

/// A step's name: unique in its plan, the same for the same work in the next plan. `harbor-1: file /etc/motd`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(String);

impl StepId {
    /// The step that does `what` on `host`. Control characters in `what` become blanks.
    pub fn new(host: &NodeName, what: impl AsRef<str>) -> Self {
        let what = what.as_ref().replace(char::is_control, " ");
        Self(format!("{host}: {what}"))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name as a host repeated it.
    pub fn parse(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}
