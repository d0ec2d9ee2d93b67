//! What a plan leaves open and why, and what was found on the way: as much a product of planning as the plan.

use serde::{Deserialize, Serialize};
use spec::name::NodeName;

/// Everything planning has to say beside the plan.
#[must_use]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// In the order of hosts, then weight.
    pub findings: Vec<Finding>,
}

/// One thing worth saying.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The host it is about; `None` for the cluster as a whole.
    pub host: Option<NodeName>,
    /// Stable word for it, kebab-case, as in `swap-on`.
    pub code: String,
    /// How heavy it is.
    pub weight: Weight,
    /// What was found, and why it matters.
    pub text: String,
    /// What to do about it.
    pub cure: String,
}

/// How heavy a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Good to know.
    Note,
    /// Likely to hurt later.
    Warning,
    /// Part of the wanted state waits for something; the rest goes on. Exit 75.
    Waits,
    /// A host could not be looked at. Exit 69.
    Dark,
    /// Refused: carrying on would break something. Exit 77.
    Refused,
}

impl Report {
    /// The heaviest finding's weight.
    pub fn worst(&self) -> Option<Weight> {
        self.findings.iter().map(|finding| finding.weight).max()
    }

    /// Whether there is a finding with this code.
    pub fn has(&self, code: &str) -> bool {
        self.findings.iter().any(|finding| finding.code == code)
    }
}
