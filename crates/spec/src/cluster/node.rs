//! The entries of `nodes` after validation.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::ConfigValue;
use crate::name::NodeName;

/// One machine of the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Unique in the cluster.
    pub name: NodeName,
    /// Whether it runs the control plane.
    pub role: Role,
    /// How the operator reaches it.
    pub ssh: SshTarget,
    /// Its SSH host key, when pinned.
    pub host_key: Option<HostKey>,
    /// Its address in the node network, when the file says it.
    pub address: Option<IpAddr>,
    /// The address others outside the node network reach it by (k3s's node-external-ip).
    pub external_address: Option<IpAddr>,
    /// Labels of its Node object.
    pub labels: BTreeMap<String, String>,
    /// Taints of its Node object.
    pub taints: Vec<Taint>,
    /// Further k3s keys for this node alone; they win over the cluster's.
    pub config: BTreeMap<String, ConfigValue>,
}

/// k3s's own words for a node with and without the control plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Runs the control plane, and pods too unless tainted.
    Server,
    /// Runs pods only.
    Agent,
}

impl Role {
    /// The word as k3s writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Agent => "agent",
        }
    }
}

/// How the operator reaches a host: `[user@]address[:port]`, or a Host alias of his ssh configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SshTarget {
    /// Login name; without one, OpenSSH's own default.
    pub user: Option<String>,
    /// Address, DNS name or alias; an IPv6 address without brackets.
    pub host: String,
    /// TCP port; without one, OpenSSH's own default.
    pub port: Option<u16>,
}

impl fmt::Display for SshTarget {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(out, "{user}@")?;
        }
        match (self.host.contains(':'), self.port) {
            (true, Some(port)) => write!(out, "[{}]:{port}", self.host),
            (false, Some(port)) => write!(out, "{}:{port}", self.host),
            (_, None) => out.write_str(&self.host),
        }
    }
}

/// A public SSH host key as `known_hosts` writes it: `ssh-ed25519 AAAA…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostKey {
    /// `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`, …
    pub algorithm: String,
    /// The key itself in base64.
    pub base64: String,
}

/// A Node taint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Taint {
    /// Qualified name.
    pub key: String,
    /// Label value; may be empty.
    pub value: String,
    /// What happens to pods without the toleration.
    pub effect: Effect,
}

/// What a taint does to pods without the toleration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are Kubernetes's own")]
pub enum Effect {
    NoSchedule,
    PreferNoSchedule,
    NoExecute,
}

impl fmt::Display for Taint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}={}:{:?}", self.key, self.value, self.effect)
    }
}
