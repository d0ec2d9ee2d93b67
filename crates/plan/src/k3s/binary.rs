//! The k3s binary: whether the pinned one is there, and how it gets there.
//!
//! Owns: download or upload, and the address. Must not: know which digest is right; the lock does.

use model::{
    op::{HostOp, Origin},
    plan::{Change, ChangeKind, StepId},
};
use spec::cluster::{ArtifactSource, Cluster, Version};

use super::{evidence::Place, want};
use crate::{
    Wish,
    draft::{Draft, Work},
    host,
    want::root,
};

/// Whether it is the one that the lock names.
pub(super) fn has_binary(wish: &Wish<'_>, place: &Place<'_>) -> bool {
    let stable = place.site.stable();
    let artifact = wish.lock.k3s(&wish.cluster.kubernetes.version, stable.arch);
    artifact.is_some_and(|artifact| stable.k3s.binary.as_ref() == Some(&artifact.sha256))
        && stable.files.get(want::BINARY).is_some_and(|fact| host::meta_is(fact, &root(0o755)))
}

/// Whether the binary that is there is another than the wanted one.
pub(super) fn has_another(wish: &Wish<'_>, place: &Place<'_>) -> bool {
    let stable = place.site.stable();
    let artifact = wish.lock.k3s(&wish.cluster.kubernetes.version, stable.arch);
    artifact.zip(stable.k3s.binary.as_ref()).is_some_and(|(wanted, there)| wanted.sha256 != *there)
}

/// The step that brings it, where another is there or none.
pub(super) fn binary(
    wish: &Wish<'_>,
    place: &Place<'_>,
    needs: &[StepId],
    draft: &mut Draft,
) -> Option<StepId> {
    let stable = place.site.stable();
    let version = &wish.cluster.kubernetes.version;
    let artifact = wish.lock.k3s(version, stable.arch)?;
    if has_binary(wish, place) {
        return None;
    }
    let url = binary_url(wish.cluster, version, &artifact.name);
    let sent = wish.cluster.artifacts == ArtifactSource::Upload || stable.fetcher.is_none();
    let from = if sent { Origin::Sent { name: artifact.name.clone(), url } } else { Origin::Url(url) };
    let verb = if sent { "send" } else { "download" };
    let change = match &stable.k3s.version {
        Some(now) if now != version => {
            Change::new(ChangeKind::Modify, format!("k3s {now} → {version} ({verb})"))
        }
        _ => Change::new(
            ChangeKind::Add,
            format!("k3s {version} ({verb}, sha256 {})", artifact.sha256.short()),
        ),
    };
    let op = HostOp::FetchArtifact {
        from,
        sha256: artifact.sha256.clone(),
        path: want::BINARY.into(),
        meta: root(0o755),
    };
    Some(draft.add(&place.site, "k3s binary", Work::host(op, change).owned(), needs))
}

/// Where an artefact of a release is downloaded from.
pub(crate) fn binary_url(cluster: &Cluster, version: &Version, name: &str) -> String {
    let base = match &cluster.artifacts {
        ArtifactSource::Mirror(base) => base.as_str(),
        ArtifactSource::Release | ArtifactSource::Upload => "https://github.com/k3s-io/k3s/releases",
    };
    format!("{base}/download/{}/{name}", version.to_string().replace('+', "%2B"))
}
