//! What a step expects of its host before it acts.

use serde::{Deserialize, Serialize};

use crate::facts::FileFact;

/// What must hold before a step acts, unless its work is already done.
///
/// The postcondition is not written down: it is what the operation itself brings about, and every operation begins
/// by looking whether that already is so. Then it does nothing. Otherwise the condition here must hold, or the step
/// is refused as a conflict that names the fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Condition {
    /// Nothing is asked.
    Holds,
    /// The path is as the plan saw it (kind, digest, mode, owner, group; a link's target).
    Path {
        /// Absolute path.
        path: String,
        /// What the plan saw there.
        was: FileFact,
    },
}
