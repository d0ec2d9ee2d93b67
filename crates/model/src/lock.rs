//! `coracle.lock`: which bytes each artefact consists of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{digest::Sha256, facts::Arch};

/// The lock: version of its own format, and the artefacts of every release the cluster files name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// [`Lock::VERSION`].
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
    /// The version of the format.
    pub const VERSION: u32 = 1;

    /// Reads a lock. The error says what is wrong with it, after "is not a lock that this coracle reads: ".
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let form: Form = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if let Some(version) = form.version.filter(|version| *version != u64::from(Self::VERSION)) {
            return Err(format!("it has version {version}; this coracle knows version {}", Self::VERSION));
        }
        let lock: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let mut artifacts = lock.k3s.values().flat_map(BTreeMap::values);
        match artifacts.find(|artifact| !is_file_name(&artifact.name)) {
            Some(artifact) => Err(format!("{:?} is no file's name on a release page", artifact.name)),
            None => Ok(lock),
        }
    }

    /// The artefact of a release for an architecture.
    pub fn k3s(&self, version: &spec::cluster::Version, arch: Arch) -> Option<&Artifact> {
        self.k3s.get(&version.to_string())?.get(&arch)
    }
}

/// What every version of the lock has.
#[derive(Deserialize)]
struct Form {
    version: Option<u64>,
}

/// Whether a name stays one in an address and in a directory.
fn is_file_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    name.bytes().all(plain) && name.bytes().any(|byte| byte.is_ascii_alphanumeric())
}
