//! What the Kubernetes API can be asked to do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use spec::{cluster::Taint, name::NodeName};

/// One thing the Kubernetes API can be asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "op")]
pub enum KubeOp {
    /// Asks every given server's endpoint whether it is ready, and any ready one for the nodes.
    Observe,
    /// Brings labels and taints of a Node to what the file says, and notes which ones are coracle's.
    SetNode {
        /// The Node.
        node: NodeName,
        /// Labels that coracle sets.
        labels: BTreeMap<String, String>,
        /// Labels that coracle had set and no longer wants.
        drop_labels: Vec<String>,
        /// Taints that coracle sets.
        taints: Vec<Taint>,
        /// Taints that coracle had set and no longer wants, as `key:Effect`.
        drop_taints: Vec<String>,
    },
    /// Has k3s take a server's member out of etcd, and waits for its word that it did.
    RemoveMember {
        /// The Node.
        node: NodeName,
    },
    /// Deletes a Node and its node password.
    DeleteNode {
        /// The Node.
        node: NodeName,
    },
}
