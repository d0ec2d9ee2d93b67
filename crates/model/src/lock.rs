//! `coracle.lock`: which bytes each artefact consists of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{digest::Sha256, facts::Arch};

/// The lock: version of its own format, and the artefacts of every release the cluster files name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// 1 today.
    pub version: u32,
    /// By release (`v1.36.4+k3s1`), then architecture.
    pub k3s: BTreeMap<String, BTreeMap<Arch, Artifact>>,
}

/// One downloadable file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// File name on the release page, as in `k3s-arm64`.
    pub name: String,
    /// Digest of its bytes.
    pub sha256: Sha256,
}

impl Lock {
    /// The artefact of a release for an architecture.
    pub fn k3s(&self, version: &spec::cluster::Version, arch: Arch) -> Option<&Artifact> {
        self.k3s.get(&version.to_string())?.get(&arch)
    }
}
