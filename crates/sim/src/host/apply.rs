//! What each operation does to a machine, and how long it takes.
//!
//! Owns: the meeting of operation and machine. Every operation first looks whether its end is reached, then whether
//! what the plan saw is still there, then acts. Must not: have effects on other machines; those are told as
//! [`Effect`]s to the world.

use std::time::Duration;

use model::{
    condition::Condition,
    facts::{Before, Content, FileFact, Owned},
    op::HostOp,
    port::ExecStep,
    reply::{Failure, FailureKind, StepReply},
    secret::Secret,
};

use super::Machine;
use crate::artifact::Shelf;

/// One step at work.
pub(crate) struct Doing<'a> {
    pub now: Duration,
    /// Seconds since 1970, by true time.
    pub epoch: u64,
    pub step: &'a ExecStep,
    pub shelf: &'a Shelf,
    /// A number that no other step gets.
    pub draw: u64,
    /// Whether its resource was taken into ownership on the way, which is a change all the same.
    pub noted: bool,
    pub effects: Vec<Effect>,
}

/// What an operation means beyond the machine's own state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// A service began, perhaps after an end.
    Started { service: String, again: bool },
    /// A service ended.
    Stopped(String),
    /// sshd has read its configuration.
    SshdReloaded,
    /// A revert is armed.
    Armed { id: String, fires: Duration },
    /// A file that nobody gave to coracle was changed without being kept.
    Trespassed(String),
    /// Bytes that must never be seen.
    Learned(Vec<u8>),
}

/// What came of a step.
#[derive(Debug)]
pub(crate) struct Applied {
    pub reply: StepReply,
    pub effects: Vec<Effect>,
}

/// Whether anything was changed.
pub(super) type Done = Result<bool, Failure>;

pub(super) fn fail<T>(kind: FailureKind, detail: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::new(kind, detail))
}

impl Machine {
    /// Does one step.
    pub(crate) fn apply(&mut self, mut doing: Doing<'_>) -> Applied {
        for body in doing.step.bodies.iter().filter(|body| body.secret) {
            doing.effects.push(Effect::Learned(body.bytes.expose().to_vec()));
        }
        let reply = self.reply(&mut doing).unwrap_or_else(StepReply::Failed);
        Applied { reply, effects: doing.effects }
    }

    fn reply(&mut self, doing: &mut Doing<'_>) -> Result<StepReply, Failure> {
        let changed = match &doing.step.op {
            HostOp::Observe(survey) => {
                let kubeconfig = survey.kubeconfig.then(|| self.kubeconfig()).flatten();
                return Ok(StepReply::Observed(self.facts(survey, doing), kubeconfig));
            }
            HostOp::ReadSecret { path } => return self.read_secret(path, doing),
            HostOp::ReceiveChunk { sha256, offset } => return self.receive(sha256, *offset, doing),
            HostOp::TakeLock(lease) => self.take_lock(lease, doing),
            HostOp::ReleaseLock { holder } => Ok(self.release_lock(holder)),
            HostOp::Claim { cluster, id, instead } => self.claim(cluster, id, instead.as_ref(), doing),
            HostOp::Unclaim => self.unclaim(doing),
            HostOp::PutFile { path, meta, later, .. } => self.put_file(path, meta, later.as_ref(), doing),
            HostOp::PutDir { path, meta } => self.put_dir(path, meta, doing),
            HostOp::PutLink { path, target } => self.put_link(path, target, doing),
            HostOp::SetMeta { path, meta } => self.set_meta(path, meta, doing),
            HostOp::Restore { resource } => self.restore(resource, doing),
            HostOp::InstallPackages { tool, names } => self.install(*tool, names, doing),
            HostOp::LoadModules { names } => self.load_modules(names, doing),
            HostOp::SetSysctls { values } => self.set_sysctls(values, doing),
            HostOp::SetService { name, enabled, run, .. } => self.set_service(name, *enabled, run, doing),
            HostOp::FetchArtifact { from, sha256, path, meta } => self.fetch(from, sha256, path, meta, doing),
            HostOp::MakeSecret { path, bytes } => self.make_secret(path, *bytes, doing),
            HostOp::ArmGuard(guard) => self.arm(guard, doing),
            HostOp::DisarmGuard { id } => self.disarm(id, doing),
            HostOp::RecordIntegrity { paths } => self.record_integrity(paths, doing),
            HostOp::KillK3s => self.kill_k3s(doing),
            HostOp::RemoveK3s { volumes } => self.remove_k3s(*volumes, doing),
        }?;
        Ok(if changed { StepReply::Changed } else { StepReply::Unchanged })
    }

    /// Whether what the plan saw is still there.
    pub(super) fn expect(&self, doing: &Doing<'_>) -> Result<(), Failure> {
        let Condition::Path { path, was } = &doing.step.was else { return Ok(()) };
        let is = self.disk.fact(path, |blob| match was {
            FileFact::File { content: Content::Digest(_), .. } => {
                blob.digest().map_or(Content::Unread, Content::Digest)
            }
            FileFact::File { content: Content::Keyed { wanted, .. }, .. } => {
                Content::Keyed { digest: blob.keyed(&self.marks.key), wanted: *wanted }
            }
            _ => Content::Unread,
        });
        if is == *was {
            return Ok(());
        }
        fail(FailureKind::Conflict, format!("{path} is {}, but the plan saw {}", words(&is), words(was)))
    }

    /// Records the step's resource as owned, if it is to be and is not yet. Stands before the deed, so that a crash in
    /// between owns too much, never too little.
    pub(super) fn own(&mut self, doing: &mut Doing<'_>, before: Before) {
        if let Some(resource) = doing.step.own.as_ref().filter(|resource| !self.owns(resource)) {
            self.marks.owned.insert(resource.clone(), Owned { before });
            doing.noted = true;
        }
    }

    /// Whether anything can still be written.
    pub(super) fn room(&self) -> Result<(), Failure> {
        if self.disk_free > 0 {
            return Ok(());
        }
        fail(FailureKind::DiskFull, "no space left on device")
    }

    fn read_secret(&self, path: &str, doing: &mut Doing<'_>) -> Result<StepReply, Failure> {
        let Some(blob) = self.disk.file(path) else {
            return fail(FailureKind::Missing, format!("{path} is not there"));
        };
        let bytes =
            blob.bytes().map_or_else(|| format!("unknown content of {path}\n").into_bytes(), <[u8]>::to_vec);
        if bytes.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0x0b) {
            return fail(FailureKind::Missing, format!("{path} is empty"));
        }
        doing.effects.push(Effect::Learned(bytes.clone()));
        Ok(StepReply::Secret { changed: false, secret: Secret::new(bytes) })
    }

    fn kubeconfig(&self) -> Option<Secret> {
        let text = self.disk.text(crate::k3s::files::KUBECONFIG)?;
        Some(Secret::new(text.into_bytes()))
    }
}

fn words(fact: &FileFact) -> String {
    let meta = |meta: &model::facts::FileMeta| format!("{:04o} {}:{}", meta.mode, meta.owner, meta.group);
    match fact {
        FileFact::Absent => "absent".to_owned(),
        FileFact::File { meta: of, content: Content::Digest(digest) } => {
            format!("a file ({}, sha256 {}…)", meta(of), digest.short())
        }
        FileFact::File { meta: of, .. } => format!("a file ({})", meta(of)),
        FileFact::Dir { meta: of } => format!("a directory ({})", meta(of)),
        FileFact::Link { target } => format!("a link to {target}"),
        FileFact::Special => "a device, socket or pipe".to_owned(),
    }
}

/// How long an operation takes on a machine of usual speed.
pub(crate) fn cost(op: &HostOp, machine: &Machine) -> Duration {
    let millis = match op {
        HostOp::Observe(survey) => 40 + 2 * (survey.paths.len() + survey.services.len()) as u64,
        HostOp::InstallPackages { names, .. } => {
            let missing = names.iter().filter(|name| !machine.installed.contains(*name)).count() as u64;
            if missing == 0 { 30 } else { 4_000 + 2_500 * missing }
        }
        HostOp::FetchArtifact { path, .. } => {
            if machine.disk.has(path) {
                250
            } else {
                3_500
            }
        }
        HostOp::ReceiveChunk { .. } => 400,
        HostOp::SetService { .. } => 180,
        HostOp::LoadModules { .. } => 60,
        HostOp::KillK3s => 2_500,
        HostOp::RemoveK3s { .. } => 900,
        HostOp::RecordIntegrity { .. } => 120,
        HostOp::ArmGuard(_) | HostOp::DisarmGuard { .. } => 50,
        _ => 6,
    };
    Duration::from_millis(millis)
}
