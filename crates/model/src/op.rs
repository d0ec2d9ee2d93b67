//! The few things a host or the Kubernetes API can be asked to do. A closed list: there is no "run this text".
//!
//! Every operation begins by looking whether its end is already reached, and then does nothing, so each may be
//! repeated at any time. Each has an encoder (`host`), a simulated effect (`sim`) and a conformance case.

mod kube;
mod lease;
mod survey;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use spec::name::ClusterName;

use crate::{
    digest::Sha256,
    facts::{FileMeta, Init, PackageTool},
    resource::{Kind, ResourceId},
    secret::Content,
};

pub use kube::KubeOp;
pub use lease::{Holder, Lease};
pub use survey::{Look, Survey};

/// One thing a host can be asked to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "op")]
pub enum HostOp {
    /// Looks; writes nothing.
    Observe(Survey),
    /// Takes the cluster lock on this host.
    TakeLock(Lease),
    /// Gives the cluster lock on this host back, if this holder has it.
    ReleaseLock {
        /// Who gives it back.
        holder: Holder,
    },
    /// Marks the host as belonging to a cluster; refuses one that belongs to another.
    Claim {
        /// The cluster.
        cluster: ClusterName,
        /// Its id.
        id: String,
        /// The id it was claimed under by a run that died before there was a cluster, and that is now given up.
        instead: Option<String>,
    },
    /// Removes coracle's own marks. Everything owned must have been given up before.
    Unclaim,
    /// Writes a file: beside its place, mode and owner first, then renamed over it. Missing parent directories are
    /// made (0755, root). What was there is kept when it was not coracle's.
    PutFile {
        /// Absolute path.
        path: String,
        /// Mode and owner.
        meta: FileMeta,
        /// What it holds.
        content: Content,
        /// Digest of the public content that a later step of the same plan puts here. Found, this step's work lies
        /// behind and is not done again.
        later: Option<Sha256>,
    },
    /// Makes a directory, or sets its mode and owner.
    PutDir {
        /// Absolute path.
        path: String,
        /// Mode and owner.
        meta: FileMeta,
    },
    /// Makes a symbolic link. What was there is kept when it was not coracle's.
    PutLink {
        /// Absolute path of the link.
        path: String,
        /// Where it points.
        target: String,
    },
    /// Sets mode and owner of something that is there; does nothing where nothing is.
    SetMeta {
        /// Absolute path.
        path: String,
        /// Mode and owner.
        meta: FileMeta,
    },
    /// Gives up an owned resource: by its kind, gives back what was there before or deletes it (`resource::Kind`).
    Restore {
        /// Which.
        resource: ResourceId,
    },
    /// Installs packages from the host's own sources.
    InstallPackages {
        /// With which tool.
        tool: PackageTool,
        /// Which, in the tool's own names.
        names: Vec<String>,
    },
    /// Loads kernel modules.
    LoadModules {
        /// Which.
        names: Vec<String>,
    },
    /// Sets running kernel settings.
    SetSysctls {
        /// Value by dotted key.
        values: BTreeMap<String, String>,
    },
    /// Brings a service to a state.
    SetService {
        /// How services are kept here.
        init: Init,
        /// The unit's or script's name, without suffix.
        name: String,
        /// Whether it starts at boot; `None` leaves that alone.
        enabled: Option<bool>,
        /// Whether it runs.
        run: Run,
    },
    /// Brings a file of known digest to its place, downloading it or taking what was sent, resuming a broken try.
    FetchArtifact {
        /// Where the host gets it.
        from: Origin,
        /// Digest of its bytes; anything else is refused.
        sha256: Sha256,
        /// Absolute path.
        path: String,
        /// Mode and owner.
        meta: FileMeta,
    },
    /// Appends sent bytes to an unfinished artefact; answers how much is there.
    ReceiveChunk {
        /// Digest of the whole.
        sha256: Sha256,
        /// Where these bytes begin; a mismatch writes nothing.
        offset: u64,
    },
    /// Makes a random secret file (hex digits, one line, 0600) unless it exists.
    MakeSecret {
        /// Absolute path.
        path: String,
        /// Bytes of entropy.
        bytes: u16,
    },
    /// Reads a file as a secret reply.
    ReadSecret {
        /// Absolute path.
        path: String,
    },
    /// Arms a revert: unless disarmed in time, or at the next boot, the paths are given back as they are now and
    /// the service is reloaded.
    ArmGuard(Guard),
    /// Disarms a revert; refuses when it has already fired.
    DisarmGuard {
        /// Which.
        id: String,
    },
    /// Records the digests of these paths as the integrity record.
    RecordIntegrity {
        /// Absolute paths.
        paths: Vec<String>,
    },
    /// Stops k3s and all its pods, and clears mounts, interfaces and rules that they left. Data stays.
    KillK3s,
    /// After stopping it, removes the data of k3s: data directory, kubelet state, configuration that coracle does not own.
    RemoveK3s {
        /// Whether persistent volumes below the data directory (`storage/`) go too.
        volumes: bool,
    },
}

/// The state a service shall be in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Run {
    /// As it is.
    Any,
    /// Runs; with a stamp, restarted when the recorded stamp differs. Never waits until it is up.
    Started {
        /// Digest of what the service reads at its start.
        stamp: Option<String>,
    },
    /// Runs, and has reloaded since the recorded stamp became this one.
    Reloaded {
        /// Digest of what the service reads at a reload.
        stamp: String,
    },
    /// Does not run.
    Stopped,
    /// The recorded stamp becomes this one, nothing else: the service already works by what it stands for.
    Stamped {
        /// The new stamp.
        stamp: String,
    },
}

/// Where a host gets an artefact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// The host downloads it.
    Url(String),
    /// The operator's machine sends it before this operation ([`HostOp::ReceiveChunk`]).
    Sent {
        /// File name on the release page.
        name: String,
        /// Where the operator's machine gets it.
        url: String,
    },
}

/// A revert to arm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// Unique to the plan.
    pub id: String,
    /// How services are kept here.
    pub init: Init,
    /// Seconds, by the host's monotonic clock.
    pub window: u32,
    /// Absolute paths that are given back; absent ones are deleted.
    pub paths: Vec<String>,
    /// The service that is reloaded after they were given back.
    pub service: String,
}

impl HostOp {
    /// The operation's name in protocol, journal and conformance cases.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Observe(_) => "observe",
            Self::TakeLock(_) => "take-lock",
            Self::ReleaseLock { .. } => "release-lock",
            Self::Claim { .. } => "claim",
            Self::Unclaim => "unclaim",
            Self::PutFile { .. } => "put-file",
            Self::PutDir { .. } => "put-dir",
            Self::PutLink { .. } => "put-link",
            Self::SetMeta { .. } => "set-meta",
            Self::Restore { .. } => "restore",
            Self::InstallPackages { .. } => "install-packages",
            Self::LoadModules { .. } => "load-modules",
            Self::SetSysctls { .. } => "set-sysctls",
            Self::SetService { .. } => "set-service",
            Self::FetchArtifact { .. } => "fetch-artifact",
            Self::ReceiveChunk { .. } => "receive-chunk",
            Self::MakeSecret { .. } => "make-secret",
            Self::ReadSecret { .. } => "read-secret",
            Self::ArmGuard(_) => "arm-guard",
            Self::DisarmGuard { .. } => "disarm-guard",
            Self::RecordIntegrity { .. } => "record-integrity",
            Self::KillK3s => "kill-k3s",
            Self::RemoveK3s { .. } => "remove-k3s",
        }
    }

    /// Whether it changes nothing on the host, so that it needs no lock.
    pub fn only_reads(&self) -> bool {
        matches!(self, Self::Observe(_) | Self::ReadSecret { .. })
    }

    /// The content a body must be resolved from before the operation is sent.
    pub fn content(&self) -> Option<&Content> {
        match self {
            Self::PutFile { content, .. } => Some(content),
            _ => None,
        }
    }

    /// The resource this operation places, when it places one that can be owned.
    pub fn places(&self) -> Option<ResourceId> {
        match self {
            Self::PutFile { path, .. } | Self::PutLink { path, .. } | Self::MakeSecret { path, .. } => {
                Some(ResourceId::new(Kind::File, path))
            }
            Self::FetchArtifact { path, .. } => Some(ResourceId::new(Kind::File, path)),
            Self::PutDir { path, .. } => Some(ResourceId::new(Kind::Dir, path)),
            Self::SetMeta { path, .. } => Some(ResourceId::new(Kind::Mode, path)),
            Self::SetService { name, .. } => Some(ResourceId::new(Kind::Service, name)),
            _ => None,
        }
    }
}
