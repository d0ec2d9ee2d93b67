//! Facts about k3s on one host: the evidence from which founding or joining is decided.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use spec::cluster::{Role, Version};

use crate::digest::Sha256;

/// What is known of k3s on one host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct K3sFacts {
    /// Digest of `/usr/local/bin/k3s`, if it is there.
    pub binary: Option<Sha256>,
    /// What it answers to `--version`, if it is there and runs.
    pub version: Option<Version>,
    /// The services that run it, server before agent; usually one.
    pub services: Vec<ServiceInfo>,
    /// What its data directory says.
    pub data: Datadir,
    /// The merged configuration, by key.
    pub config: BTreeMap<String, ConfigFact>,
    /// When the node password (`/etc/rancher/node/password`) was written, in seconds since 1970 by the host's clock;
    /// `None` where there is none. It is made when a node first registers and never again.
    pub node_password: Option<u64>,
}

/// A service that runs k3s.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceInfo {
    /// Which of the two it is.
    pub role: Role,
    /// Its name, as in `k3s-agent`.
    pub name: String,
    /// Arguments after the command word, for services that coracle did not write. Values of secret keys are dropped.
    pub arguments: Vec<String>,
}

/// Evidence in `/var/lib/rancher/k3s`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Datadir {
    /// `server/db/etcd` holds a member.
    pub etcd: bool,
    /// That member has learnt that it was removed from its cluster (`server/db/etcd/tombstone`). k3s moves its data aside
    /// at its next start and joins anew; until then it does not serve, though its process may run (k3s, `pkg/etcd`).
    #[serde(default)]
    pub removed: bool,
    /// `server/db/state.db` is there.
    pub sqlite: bool,
    /// Hash of `server/tls/server-ca.crt` as k3s tokens carry it: the cluster this server belongs to.
    pub server_ca: Option<Sha256>,
    /// Hash of `agent/server-ca.crt`, likewise: the cluster this node last joined.
    pub agent_ca: Option<Sha256>,
}

/// One key of the merged configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigFact {
    /// Where the value that counts stands.
    pub source: ConfigSource,
    /// The value as JSON text; `None` for keys that carry secrets.
    pub value: Option<String>,
}

/// Where a configuration value stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ConfigSource {
    /// A configuration file, by path.
    File(String),
    /// The service's arguments.
    Argument,
    /// The service's environment.
    Environment,
}

impl Datadir {
    /// Whether there is anything of a cluster's control plane here.
    pub fn has_datastore(&self) -> bool {
        self.etcd || self.sqlite
    }
}
