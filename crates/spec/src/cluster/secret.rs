//! References to secrets. The value itself never enters this crate.

use serde::{Deserialize, Serialize};

/// Where a secret comes from when a plan is applied.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SecretRef {
    /// An environment variable of the operator's process.
    Env(String),
    /// A file on the operator's machine; one trailing newline is dropped.
    File(String),
}

impl std::fmt::Display for SecretRef {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Env(name) => write!(out, "env {name}"),
            Self::File(path) => write!(out, "file {path}"),
        }
    }
}
