//! The `kubernetes` section after validation.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{SecretRef, Version};
use crate::name::DnsName;

/// What Kubernetes to run and how. The distribution is k3s.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kubernetes {
    /// The k3s release.
    pub version: Version,
    /// Where the control plane keeps its objects.
    pub datastore: Datastore,
    /// A name that resolves to the servers; stands in every server's certificate from the first day.
    pub api_name: Option<DnsName>,
    /// Whether Secrets are encrypted in the datastore.
    pub secrets_encryption: bool,
    /// Packaged components that are not deployed.
    pub disable: BTreeSet<Component>,
    /// Further k3s keys, checked against the release's flag list and free of keys that coracle owns.
    /// Keys that agents do not know go to servers only.
    pub config: BTreeMap<String, ConfigValue>,
}

/// Where the control plane keeps its objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Datastore {
    /// One file on the only server.
    Sqlite,
    /// Embedded etcd on every server.
    Etcd,
    /// A database elsewhere; its URL carries a password, so it is a secret reference.
    External(SecretRef),
}

/// A component that k3s deploys unless told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are k3s's own")]
pub enum Component {
    Coredns,
    Servicelb,
    Traefik,
    LocalStorage,
    MetricsServer,
    Runtimes,
}

impl Component {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Coredns,
        Self::Servicelb,
        Self::Traefik,
        Self::LocalStorage,
        Self::MetricsServer,
        Self::Runtimes,
    ];

    /// The name as k3s writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Coredns => "coredns",
            Self::Servicelb => "servicelb",
            Self::Traefik => "traefik",
            Self::LocalStorage => "local-storage",
            Self::MetricsServer => "metrics-server",
            Self::Runtimes => "runtimes",
        }
    }
}

/// The value of one k3s key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ConfigValue {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Text.
    Text(String),
    /// A repeatable flag.
    List(Vec<String>),
    /// Text that must not be seen, for keys that carry credentials.
    Secret(SecretRef),
}
