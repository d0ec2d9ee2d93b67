//! What is looked at on a host.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{digest::Sha256, secret::Content};

/// What to look at on one host, beside what is always looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// Paths, with how to look at each.
    pub paths: BTreeMap<String, Look>,
    /// Packages.
    pub packages: Vec<String>,
    /// Services.
    pub services: Vec<String>,
    /// Kernel settings.
    pub sysctls: Vec<String>,
    /// Kernel modules.
    pub modules: Vec<String>,
    /// Hashes every owned file again instead of believing the record while its inode, size and times agree.
    pub verify: bool,
    /// Reads the admin kubeconfig as a secret reply, where there is one.
    pub kubeconfig: bool,
}

/// How to look at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Look {
    /// Kind, mode and owner only.
    Meta,
    /// Its digest too.
    Digest,
    /// Its digest; and its text, when that is another than this and may be shown: UTF-8 of at most 64 KiB that everybody
    /// on the host can read, or that coracle itself placed as public and nobody changed.
    Text(Option<Sha256>),
    /// A keyed digest, and whether it equals this content; with `None`, the keyed digest alone.
    Secret(Option<Content>),
}
