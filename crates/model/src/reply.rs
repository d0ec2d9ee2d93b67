//! What hosts and the Kubernetes API answer.

use serde::{Deserialize, Serialize};

use crate::{
    facts::{HostFacts, KubeFacts},
    plan::StepId,
    secret::Secret,
};

/// What a host says while it works through an exec, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "few are alive at a time")]
pub enum Said {
    /// A step has begun.
    Began(StepId),
    /// A step has ended.
    Ended(StepId, StepReply),
}

/// How one step ended on its host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is the reply to observing, of which there is one a host"
)]
pub enum StepReply {
    /// Its end was already reached: nothing was done.
    Unchanged,
    /// It was done.
    Changed,
    /// It was done or found done, and answers with a secret.
    Secret {
        /// Whether anything was changed.
        changed: bool,
        /// The secret.
        secret: Secret,
    },
    /// What was observed; and the admin kubeconfig when it was asked for and is there.
    Observed(HostFacts, Option<Secret>),
    /// How many bytes of an unfinished artefact are there now.
    Received(u64),
    /// It could not be done; the rest of the exec was not begun.
    Failed(Failure),
}

/// Why a step could not be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind of failure.
    pub kind: FailureKind,
    /// What was seen: the last lines of the failing command, or the fact in conflict. Never a secret.
    pub detail: String,
}

/// The kinds of failures of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// A command failed.
    Command,
    /// Neither the end nor what the plan had seen is there: somebody changed it in between.
    Conflict,
    /// The host belongs to another cluster.
    Foreign,
    /// Another run holds the cluster lock.
    Locked,
    /// No space or inodes left.
    DiskFull,
    /// A file has another digest than the lock says.
    Checksum,
    /// A download failed.
    Download,
    /// A guard has fired already.
    GuardFired,
    /// Something the operation needs is not on the host.
    Missing,
    /// A fresh login was refused after a change that a guard protects.
    Access,
    /// What was waited for did not come in time.
    Deadline,
    /// The API refused.
    Refused,
}

impl FailureKind {
    /// All of them, with the word each is written by.
    pub const ALL: [(Self, &'static str); 12] = [
        (Self::Command, "command"),
        (Self::Conflict, "conflict"),
        (Self::Foreign, "foreign"),
        (Self::Locked, "locked"),
        (Self::DiskFull, "disk-full"),
        (Self::Checksum, "checksum"),
        (Self::Download, "download"),
        (Self::GuardFired, "guard-fired"),
        (Self::Missing, "missing"),
        (Self::Access, "access"),
        (Self::Deadline, "deadline"),
        (Self::Refused, "refused"),
    ];

    /// The word it is written by.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("command", |(_, word)| word)
    }

    /// What to do about it, as one sentence.
    pub fn cure(self) -> &'static str {
        match self {
            Self::Command => "read the host's own words above, mend the cause and run again",
            Self::Conflict => "somebody changed it since the plan was made: run `coracle plan` again",
            Self::Foreign => {
                "the host belongs to another cluster: `coracle destroy` it there first, or take it out of the file"
            }
            Self::Locked => "wait for the other run, or run again when its lease has ended",
            Self::DiskFull => "free some space on the host and run again",
            Self::Checksum => {
                "the bytes are not what coracle.lock says: check the mirror, or run `coracle lock` and compare"
            }
            Self::Download => "check the host's way to the source, or use `artifacts: {source: upload}`",
            Self::GuardFired => "the change was taken back because access was not proven in time; run again",
            Self::Missing => "install what is missing on the host and run again",
            Self::Access => {
                "the change is taken back by the host itself; correct it in the cluster file and run again"
            }
            Self::Deadline => "look at the service's log on the host, mend the cause and run again",
            Self::Refused => "read the API's words above, mend the cause and run again",
        }
    }
}

impl Failure {
    /// A failure of this kind.
    pub fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

/// What the Kubernetes API answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KubeReply {
    /// What was observed.
    Observed(KubeFacts),
    /// It was done.
    Changed,
    /// It was so already.
    Unchanged,
}
