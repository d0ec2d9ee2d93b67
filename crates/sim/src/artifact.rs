//! Stand-ins for released binaries: a few bytes that say which release they stand for.
//!
//! Owns: the shelf from which simulated hosts download, and which digest is which release. Must not: hold any real
//! binary.

use std::collections::BTreeMap;

use model::{
    Version,
    digest::Sha256,
    facts::Arch,
    lock::{Artifact, Lock},
};
use serde::{Deserialize, Serialize};

const ARCHES: [Arch; 4] = [Arch::Amd64, Arch::Arm64, Arch::Armhf, Arch::S390x];

/// The stand-in for k3s of a release and architecture.
pub fn artifact_bytes(version: &Version, arch: Arch) -> Vec<u8> {
    format!("k3s {version} {} (rehearsal)\n", arch.as_str()).into_bytes()
}

/// A lock of stand-ins for these releases, for rehearsals without a `coracle.lock`.
pub fn lock_for<'a>(versions: impl IntoIterator<Item = &'a Version>) -> Lock {
    let artifacts = |version: &Version| {
        ARCHES.map(|arch| {
            let sha256 = Sha256::of(&artifact_bytes(version, arch));
            (arch, Artifact { name: name(arch), sha256 })
        })
    };
    let k3s = versions.into_iter().map(|version| (version.to_string(), artifacts(version).into())).collect();
    Lock { version: 1, k3s }
}

/// The file name on k3s's release page.
fn name(arch: Arch) -> String {
    match arch {
        Arch::Amd64 | Arch::Other => "k3s".to_owned(),
        Arch::Arm64 | Arch::Armhf | Arch::S390x => format!("k3s-{}", arch.as_str()),
    }
}

/// What can be had from the simulated internet, by digest.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Shelf {
    /// More than one where a mirror gives the same bytes for several processors, or under several versions.
    releases: BTreeMap<Sha256, Vec<Release>>,
    /// Bytes behind single URLs.
    served: BTreeMap<String, Vec<u8>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Release {
    version: Version,
    arch: Arch,
    bytes: Vec<u8>,
}

impl Shelf {
    /// Takes up every artefact of a lock whose release has a well-formed name.
    pub(crate) fn stock(&mut self, lock: &Lock) {
        for (version, artifacts) in &lock.k3s {
            let Ok(version) = version.parse::<Version>() else { continue };
            for (arch, artifact) in artifacts {
                self.know(artifact.sha256.clone(), version.clone(), *arch);
            }
        }
    }

    pub(crate) fn know(&mut self, digest: Sha256, version: Version, arch: Arch) {
        let bytes = artifact_bytes(&version, arch);
        let known = self.releases.entry(digest).or_default();
        if !known.iter().any(|release| release.version == version && release.arch == arch) {
            known.push(Release { version, arch, bytes });
        }
    }

    pub(crate) fn serve(&mut self, url: &str, bytes: &[u8]) {
        self.served.insert(url.to_owned(), bytes.to_vec());
    }

    /// What a download from a URL gives, when this digest is expected there.
    pub(crate) fn download(&self, url: &str, digest: &Sha256) -> Option<&[u8]> {
        self.served.get(url).map(Vec::as_slice).or_else(|| self.bytes(digest))
    }

    pub(crate) fn bytes(&self, digest: &Sha256) -> Option<&[u8]> {
        self.releases.get(digest)?.first().map(|release| release.bytes.as_slice())
    }

    /// The release of this digest that runs on this processor; of several the one that was heard of first, as of a machine on which it runs.
    pub(crate) fn version_of(&self, digest: &Sha256, arch: Arch) -> Option<Version> {
        let mut known = self.releases.get(digest)?.iter();
        known.find(|release| release.arch == arch).map(|release| release.version.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_for_several_processors_runs_on_each_of_them() {
        let version: Version = "v1.36.4+k3s1".parse().expect("a release");
        let digest = Sha256::of(b"the same for all");
        let artifact = |arch| (arch, Artifact { name: name(arch), sha256: digest.clone() });
        let k3s = [(version.to_string(), ARCHES.map(artifact).into())].into();
        let mut shelf = Shelf::default();
        shelf.stock(&Lock { version: 1, k3s });
        for arch in ARCHES {
            assert_eq!(shelf.version_of(&digest, arch).as_ref(), Some(&version), "{arch:?}");
        }
        assert_eq!(shelf.version_of(&digest, Arch::Other), None);
    }
}
