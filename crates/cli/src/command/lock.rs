//! `coracle lock`.

use std::collections::BTreeMap;

use model::{
    digest::Sha256,
    facts::Arch,
    lock::{Artifact, Lock},
};
use spec::cluster::Cluster;

use super::Session;
use crate::{
    failure::{Ending, Failure, Kind},
    output, source,
    ui::paint::Tone,
    world::download,
};

/// Write coracle.lock: which bytes each k3s release consists of
///
/// Reads the release's checksum files and writes version, file names and SHA-256 for every architecture. Nothing is
/// ever run on a host that is not in the lock. What the lock says already is not replaced by something else.
#[derive(clap::Args, Debug, Default)]
pub(crate) struct Args {
    /// Replace checksums that differ from those the lock has
    #[arg(long)]
    force: bool,
}

/// Architectures that k3s is released for, the word in the name of their checksum file, and whether each release has
/// them.
const ARCHES: [(Arch, &str, bool); 3] =
    [(Arch::Amd64, "amd64", true), (Arch::Arm64, "arm64", true), (Arch::Armhf, "arm", false)];

pub(crate) fn run(session: &Session, args: &Args) -> Result<Ending, Failure> {
    let clusters = session.clusters()?;
    write(session, &clusters, args.force)?;
    Ok(Ending::Done)
}

/// Resolves the releases of these clusters and writes the lock.
pub(crate) fn write(session: &Session, clusters: &[Cluster], force: bool) -> Result<Lock, Failure> {
    let path = session.lock_path();
    let mut lock = session.lock()?.unwrap_or_else(|| Lock { version: 1, k3s: BTreeMap::new() });
    let before = lock.clone();
    for cluster in clusters {
        let version = &cluster.kubernetes.version;
        let found = resolve(cluster)?;
        let known = lock.k3s.entry(version.to_string()).or_default();
        if let Some(arch) = differs(known, &found).filter(|_| !force) {
            return Err(Failure::new(
                Kind::Refused,
                format!("{version} for {} has other bytes now than {} says", arch.as_str(), path.display()),
            )
            .hint("a release never changes: find out who changed it before you take it with --force"));
        }
        known.extend(found);
        let name = session.paint_err().tone(Tone::Name, &version.to_string());
        let arches: Vec<_> = known.keys().map(|arch| arch.as_str()).collect();
        output::to_stderr(&format!("{name}: {}\n", arches.join(", ")));
    }
    if lock != before || !path.exists() {
        let mut text = serde_json::to_string_pretty(&lock).expect("a lock always serialises");
        text.push('\n');
        source::write(&path, text.as_bytes(), 0o644)?;
        output::to_stderr(&format!("wrote {}; keep it with the cluster file\n", path.display()));
    }
    Ok(lock)
}

/// The artefacts of the release that a cluster runs, from where its hosts get them too.
fn resolve(cluster: &Cluster) -> Result<BTreeMap<Arch, Artifact>, Failure> {
    let version = &cluster.kubernetes.version;
    let mut found = BTreeMap::new();
    for (arch, word, always) in ARCHES {
        let name = spec::k3s::asset(arch.as_str()).expect("the list above holds released architectures only");
        let url = plan::artifact_url(cluster, version, &format!("sha256sum-{word}.txt"));
        let sums = download::text(&url).map_err(|why| {
            Failure::new(Kind::Unreachable, format!("cannot get the checksums of {version}: {why}")).hint(
                "check the way to the release page, or name a mirror: `artifacts: {source: {mirror: URL}}`",
            )
        })?;
        match sums.as_deref().map(|sums| sum_of(sums, name)) {
            Some(Some(sha256)) => {
                found.insert(arch, Artifact { name: name.to_owned(), sha256 });
            }
            None if !always => {}
            Some(None) => {
                return Err(Failure::new(Kind::Unreachable, format!("{url} has no checksum of {name}"))
                    .hint("this is not a k3s release page; check the mirror"));
            }
            None => {
                return Err(Failure::new(
                    Kind::ClusterFile,
                    format!("there is no k3s {version}: nothing at {url}"),
                )
                .hint("choose a version from https://github.com/k3s-io/k3s/releases"));
            }
        }
    }
    Ok(found)
}

/// The first architecture for which both have bytes, but not the same.
fn differs(known: &BTreeMap<Arch, Artifact>, found: &BTreeMap<Arch, Artifact>) -> Option<Arch> {
    let other =
        |(arch, artifact): &(&Arch, &Artifact)| known.get(arch).is_some_and(|known| known != *artifact);
    found.iter().find(other).map(|(arch, _)| *arch)
}

/// The digest of a file in the output of `sha256sum`.
fn sum_of(sums: &str, name: &str) -> Option<Sha256> {
    sums.lines().find_map(|line| {
        let (sum, file) = line.split_once(char::is_whitespace)?;
        let file = file.trim_start().trim_start_matches('*');
        (file == name).then(|| Sha256::try_from(sum.to_owned()).ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_line_of_exactly_this_file_counts() {
        let (one, two) = ("a".repeat(64), "b".repeat(64));
        let sums = format!("{one}  k3s-airgap-images-amd64.tar\n{two}  k3s\nnonsense\n{one}  k3s-arm64\n");
        assert_eq!(sum_of(&sums, "k3s").map(String::from), Some(two));
        assert_eq!(sum_of(&sums, "k3s-armhf"), None);
        assert_eq!(sum_of("xyz  k3s\n", "k3s"), None);
    }
}
