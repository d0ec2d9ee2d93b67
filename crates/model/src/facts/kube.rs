//! Facts that the Kubernetes API gave.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};
use spec::{
    cluster::{Taint, Version},
    name::NodeName,
};

/// What the Kubernetes API said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeFacts {
    /// Each server's own API endpoint.
    pub apis: BTreeMap<NodeName, Api>,
    /// Every Node object; empty when no API answered.
    pub nodes: BTreeMap<String, NodeFact>,
}

/// One server's API endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Api {
    /// `/readyz` says ok.
    Ready,
    /// It does not, or nothing answers; with the reason.
    Down(String),
}

/// One Node object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeFact {
    /// The Ready condition is True.
    pub ready: bool,
    /// Reason and message of the Ready condition, for people.
    pub reason: String,
    /// The `EtcdIsVoter` condition; `None` on nodes without etcd.
    pub voter: Option<bool>,
    /// `status.nodeInfo.kubeletVersion`.
    pub version: Option<Version>,
    /// `metadata.creationTimestamp`, in seconds since 1970.
    pub created: u64,
    /// Its first `InternalIP`.
    pub address: Option<IpAddr>,
    /// Whether it is cordoned.
    pub unschedulable: bool,
    /// `metadata.labels`.
    pub labels: BTreeMap<String, String>,
    /// `spec.taints`, without those that Kubernetes sets by itself.
    pub taints: Vec<Taint>,
    /// Label keys that coracle set (annotation `coracle.dev/labels`).
    pub owned_labels: Vec<String>,
    /// Taints that coracle set, as `key:Effect` (annotation `coracle.dev/taints`).
    pub owned_taints: Vec<String>,
}

impl KubeFacts {
    /// Whether any API endpoint is ready.
    pub fn answers(&self) -> bool {
        self.apis.values().any(|api| *api == Api::Ready)
    }
}
