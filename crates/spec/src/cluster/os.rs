//! The `os` section after validation.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};

use super::{Node, SecretRef};
use crate::name::NodeName;

/// The operating-system baseline and the user's own additions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Os {
    /// Whether coracle hardens the base system (sshd, file modes, log rotation, time, integrity record). What k3s
    /// itself needs (modules, sysctls) is set either way.
    pub baseline: bool,
    /// What the hardened sshd allows.
    pub sshd: Sshd,
    /// Text of /etc/motd.
    pub motd: Option<String>,
    /// Resolvers that pods with the host's DNS policy get, through the kubelet's own resolv.conf.
    pub nameservers: Vec<IpAddr>,
    /// Absolute paths watched by the integrity record, beside the baseline's own.
    pub integrity: Vec<String>,
    /// Files to place.
    pub files: Vec<OsFile>,
    /// Services to enable or disable, start or stop.
    pub services: Vec<OsService>,
    /// Packages to install.
    pub packages: Vec<OsPackage>,
    /// Kernel settings.
    pub sysctls: Vec<Sysctl>,
    /// Kernel modules to load now and at boot.
    pub modules: Vec<Module>,
}

/// What the hardened sshd allows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sshd {
    /// Whether passwords are accepted; false by default.
    pub password_authentication: bool,
    /// How root may log in.
    pub permit_root_login: RootLogin,
}

/// sshd's `PermitRootLogin`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RootLogin {
    /// With a key only.
    #[default]
    ProhibitPassword,
    /// Not at all; the SSH user must then be another.
    No,
    /// With a password too.
    Yes,
}

/// Which nodes an entry is for: all, the named ones, or those with every one of the labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Match {
    /// Every node.
    #[default]
    All,
    /// These nodes; each exists.
    Nodes(Vec<NodeName>),
    /// Nodes that have all of these labels in the cluster file.
    Labels(BTreeMap<String, String>),
}

impl Match {
    /// Whether the entry is for this node.
    pub fn covers(&self, node: &Node) -> bool {
        match self {
            Self::All => true,
            Self::Nodes(names) => names.contains(&node.name),
            Self::Labels(labels) => labels.iter().all(|(key, value)| node.labels.get(key) == Some(value)),
        }
    }
}

/// A file to place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsFile {
    /// Absolute, normalised, not one that coracle or k3s keeps for itself.
    pub path: String,
    /// What it holds.
    pub body: Body,
    /// Permission bits, 0 to 0o7777.
    pub mode: u32,
    /// Owning user.
    pub owner: String,
    /// Owning group.
    pub group: String,
    /// Service that is restarted when the file changes.
    pub restart: Option<String>,
    /// Which nodes get it.
    pub on: Match,
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Body {
    /// This text.
    Text(String),
    /// A secret, as its bytes are.
    Secret(SecretRef),
}

/// A service to enable or disable, start or stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsService {
    /// The unit's or init script's name, without `.service`.
    pub name: String,
    /// Whether it starts at boot.
    pub enabled: bool,
    /// Whether it runs now.
    pub running: bool,
    /// Which nodes it is for.
    pub on: Match,
}

/// A package to install.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OsPackage {
    /// Its name in the host's own package system.
    pub name: String,
    /// Which nodes get it.
    pub on: Match,
}

/// A kernel setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sysctl {
    /// Dotted key.
    pub key: String,
    /// Value as `sysctl` prints it.
    pub value: String,
    /// Which nodes get it.
    pub on: Match,
}

/// A kernel module to load now and at boot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// Its name.
    pub name: String,
    /// Which nodes get it.
    pub on: Match,
}
