//! The cluster lock: who holds it, and for how long.

use serde::{Deserialize, Serialize};
use spec::name::ClusterName;

/// A try at the cluster lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who takes it.
    pub holder: Holder,
    /// The cluster it is for.
    pub cluster: ClusterName,
    /// Seconds of the host's uptime after which others may take it over.
    pub seconds: u32,
    /// A holder whose process is known to be dead: its lock may be taken over at once.
    pub dead: Vec<Holder>,
}

/// Who holds the cluster lock.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Holder {
    /// Login name.
    pub user: String,
    /// Name of the operator's machine.
    pub machine: String,
    /// Process id there.
    pub pid: u32,
    /// Seconds since 1970 when the run began.
    pub started: u64,
}
