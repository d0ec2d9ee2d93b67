//! How a verb ends: every way has one documented exit code.
//!
//! Owns: the kinds, their codes, and the form in which a failure is shown. Must not: decide which kind applies.

use std::{collections::BTreeSet, fmt::Write as _, io, path::Path};

use model::{
    NodeName,
    fault::{Cause, HostFault},
    reply::FailureKind,
    report::{Report, Weight},
};

use crate::ui::paint::{Paint, Tone};

/// How a verb ends well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Done, or nothing to do.
    Done,
    /// Looked only, and found that something would change or has drifted.
    Differs,
}

impl Ending {
    /// The exit code of [`Ending::Differs`].
    pub(crate) const DIFFERS: u8 = 2;
}

/// How a verb ends badly. Of several, the greatest decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Whoever reads standard output has gone: not a failure at all.
    BrokenPipe,
    /// Waiting or blocked: run again later.
    Later,
    /// A host or API cannot be reached.
    Unreachable,
    /// A step failed.
    Step,
    /// Refused: carrying on would break something or trust somebody unknown.
    Refused,
    /// The operator stopped it; it ended cleanly.
    Interrupted,
    /// The arguments are wrong.
    Usage,
    /// The cluster file, or a file that belongs to it, is wrong.
    ClusterFile,
    /// A file cannot be read.
    NoInput,
    /// A file cannot be written.
    CannotWrite,
    /// A bug in coracle.
    Bug,
}

impl Kind {
    /// Every kind that has an exit code, in the order of the codes, with one line for the reference.
    pub(crate) const ALL: [(Self, &'static str); 10] = [
        (Self::Usage, "the command line is wrong"),
        (Self::ClusterFile, "the cluster file, the lock, a plan file or a kubeconfig is wrong"),
        (Self::NoInput, "a file cannot be read"),
        (Self::Unreachable, "a host or an API cannot be reached"),
        (Self::Bug, "a bug in coracle"),
        (Self::Step, "a step failed"),
        (Self::CannotWrite, "a file cannot be written"),
        (Self::Later, "something waits or is blocked: run again later"),
        (Self::Refused, "refused: host key, authentication, permission, guard, quorum, foreign cluster"),
        (Self::Interrupted, "interrupted, after a clean stop"),
    ];

    /// The exit code; `None` for what is no failure.
    pub(crate) fn exit(self) -> Option<u8> {
        (self != Self::BrokenPipe).then(|| self.code())
    }

    /// The number of the exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::BrokenPipe => 0,
            Self::Usage => 64,
            Self::ClusterFile => 65,
            Self::NoInput => 66,
            Self::Unreachable => 69,
            Self::Bug => 70,
            Self::Step => 73,
            Self::CannotWrite => 74,
            Self::Later => 75,
            Self::Refused => 77,
            Self::Interrupted => 130,
        }
    }

    /// The kind that a fault of a host leads to.
    pub(crate) fn of_cause(cause: Cause) -> Self {
        match cause {
            Cause::KeyChanged
            | Cause::KeyUnknown
            | Cause::Authentication
            | Cause::NoRoot
            | Cause::RootPassword
            | Cause::Unsupported => Self::Refused,
            Cause::Busy | Cause::Locked => Self::Later,
            Cause::DiskFull | Cause::Garbled => Self::Step,
            Cause::NameNotFound
            | Cause::Refused
            | Cause::TimedOut
            | Cause::NoRoute
            | Cause::Lost
            | Cause::Client => Self::Unreachable,
        }
    }

    /// The kind that a failed step leads to.
    pub(crate) fn of_step(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Foreign | FailureKind::GuardFired | FailureKind::Access => Self::Refused,
            FailureKind::Locked => Self::Later,
            FailureKind::Command
            | FailureKind::Conflict
            | FailureKind::DiskFull
            | FailureKind::Checksum
            | FailureKind::Download
            | FailureKind::Missing
            | FailureKind::Deadline
            | FailureKind::Refused => Self::Step,
        }
    }

    /// The kind that an open finding of this weight leads to; notes and warnings lead to none.
    pub(crate) fn of_weight(weight: Weight) -> Option<Self> {
        match weight {
            Weight::Note | Weight::Warning => None,
            Weight::Waits => Some(Self::Later),
            Weight::Dark => Some(Self::Unreachable),
            Weight::Refused => Some(Self::Refused),
        }
    }

    /// The kind that the heaviest finding of a report leads to.
    pub(crate) fn of_report(report: &Report) -> Option<Self> {
        report.worst().and_then(Self::of_weight)
    }
}

/// Why a verb did not do what it was asked to.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Which exit code it gives.
    pub(crate) kind: Kind,
    /// What happened, where and why; empty when everything has been shown already.
    message: String,
    /// What to do next, most likely first.
    hints: Vec<String>,
}

impl Failure {
    /// A failure with its message: a sentence without a full stop.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new() }
    }

    /// A failure of which everything has been shown already.
    pub(crate) fn shown(kind: Kind) -> Self {
        Self::new(kind, "")
    }

    /// Hosts that do not answer, each with its cause, and what to do about them; nothing when there are none.
    pub(crate) fn silent(message: impl Into<String>, hosts: &[(&NodeName, &HostFault)]) -> Option<Self> {
        let kind = hosts.iter().map(|(_, fault)| Kind::of_cause(fault.cause)).max()?;
        let mut text = message.into();
        for (host, fault) in hosts {
            let _ = write!(text, "\n  {host}: {fault}");
        }
        Some(Self::new(kind, text).cures(hosts.iter().map(|(_, fault)| fault.cause.cure())))
    }

    /// Adds what to do about several causes, each cure once.
    pub(crate) fn cures<'a>(self, cures: impl Iterator<Item = &'a str>) -> Self {
        cures.collect::<BTreeSet<_>>().into_iter().fold(self, Self::hint)
    }

    /// Adds what to do next.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// A file that cannot be read.
    pub(crate) fn reading(path: &Path, error: &io::Error) -> Self {
        Self::new(Kind::NoInput, format!("cannot read {}: {error}", path.display()))
    }

    /// A file that cannot be written.
    pub(crate) fn writing(path: &Path, error: &io::Error) -> Self {
        Self::new(Kind::CannotWrite, format!("cannot write {}: {error}", path.display()))
    }

    /// A usage error that clap cannot see.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// The failure as people read it.
    pub(crate) fn show(&self, paint: Paint) -> String {
        let mut text = String::new();
        if !self.message.is_empty() {
            let head = paint.tone(Tone::Bad, "error:");
            writeln!(text, "{head} {}", self.message).expect("writing to a String cannot fail");
        }
        for hint in &self.hints {
            let head = paint.tone(Tone::Name, " hint:");
            writeln!(text, "{head} {hint}").expect("writing to a String cannot fail");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_code() {
        let mut codes: Vec<_> = Kind::ALL.iter().map(|(kind, _)| kind.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes, [64, 65, 66, 69, 70, 73, 74, 75, 77, 130]);
    }

    #[test]
    fn a_failure_names_the_cure_below_the_cause() {
        let failure = Failure::usage("no such host: harbor-9").hint("the file has harbor-1, harbor-2");
        insta::assert_snapshot!(failure.show(Paint(false)), @r"
        error: no such host: harbor-9
         hint: the file has harbor-1, harbor-2
        ");
    }
}
