//! Sends an artefact from the operator's machine to a host, in pieces, going on where an earlier try stopped.
//!
//! Owns: where the next piece begins, and how often to try again. Must not: decide that something is sent; the host
//! asks for it by failing a fetch, so what is already in place is never sent again.

use std::time::Duration;

use model::{
    NodeName,
    condition::Condition,
    digest::Sha256,
    event::What,
    fault::{Cause, HostFault},
    op::{HostOp, Origin},
    plan::StepId,
    port::{Body, Exec, ExecStep},
    reply::{Failure, FailureKind, Said, StepReply},
    secret::Secret,
};

use crate::World;

/// Bytes of one piece: seconds on a slow link, few execs on a fast one.
const PIECE: usize = 4 << 20;
/// How many times in a row nothing may arrive before that is a failure.
const TRIES: u32 = 4;

/// What is sent where, and for which step.
pub(super) struct Cargo<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) host: &'a NodeName,
    pub(super) step: &'a StepId,
    pub(super) sha256: &'a Sha256,
    pub(super) url: &'a str,
}

/// Why an artefact was not sent.
pub(super) enum Unsent {
    /// The operator wants to stop.
    Halted,
    /// It cannot be had here, or the host refuses it.
    Failed(Failure),
    /// The host does not answer.
    Fault(HostFault),
}

/// How far sending has come.
#[derive(Default)]
struct Way {
    /// Bytes on the host; `None` when that has to be asked.
    there: Option<u64>,
    /// Bytes in all, once known.
    total: Option<u64>,
    /// The most that ever was there.
    furthest: Option<u64>,
    /// Tries in a row that brought nothing.
    vain: u32,
}

/// What must be sent from here before an operation can succeed: its digest and where it is had.
pub(super) fn cargo(op: &HostOp) -> Option<(&Sha256, &str)> {
    match op {
        HostOp::FetchArtifact { from: Origin::Sent { url, .. }, sha256, .. } => Some((sha256, url)),
        _ => None,
    }
}

/// Sends what the host does not have yet, when `there` bytes are known to be there.
pub(super) async fn send(cargo: &Cargo<'_>, there: Option<u64>) -> Result<(), Unsent> {
    let mut way = Way { there, ..Way::default() };
    while !way.arrived() {
        if cargo.world.halt.asked() {
            return Err(Unsent::Halted);
        }
        let bytes = next(cargo, &mut way).await?;
        match deliver(cargo, way.there.unwrap_or(0), bytes).await {
            Ok(now) => way.reached(now)?,
            // How much arrived before the connection broke is asked anew.
            Err(Unsent::Fault(fault)) if fault.cause == Cause::Lost && way.vain + 1 < TRIES => {
                way.vain += 1;
                way.there = None;
                if !cargo.world.pause(Duration::from_secs(u64::from(way.vain))).await {
                    return Err(Unsent::Halted);
                }
            }
            Err(unsent) => return Err(unsent),
        }
        if let (Some(done), Some(total)) = (way.there, way.total) {
            cargo.world.tell(What::Sending { step: cargo.step.clone(), done: done.min(total), total });
        }
    }
    Ok(())
}

/// The next piece; an empty one, which only asks, when nobody knows how much is there.
async fn next(cargo: &Cargo<'_>, way: &mut Way) -> Result<Vec<u8>, Unsent> {
    let Some(offset) = way.there else { return Ok(Vec::new()) };
    let read = cargo.world.artifacts.read(cargo.sha256, cargo.url, offset, PIECE).await;
    let (bytes, total) = read.map_err(Unsent::Failed)?;
    way.total = Some(total);
    Ok(bytes)
}

impl Way {
    fn arrived(&self) -> bool {
        self.there.zip(self.total).is_some_and(|(there, total)| there >= total)
    }

    fn reached(&mut self, now: u64) -> Result<(), Unsent> {
        if self.furthest.is_none_or(|furthest| now > furthest) {
            (self.furthest, self.vain) = (Some(now), 0);
        } else if self.there.is_some() {
            self.vain += 1;
        }
        self.there = Some(now);
        if self.vain < TRIES {
            return Ok(());
        }
        let text = format!("the host still has {now} bytes of it after {TRIES} tries to send more");
        Err(Unsent::Failed(Failure::new(FailureKind::Download, text)))
    }
}

/// The operation that brings one piece. An empty piece only asks how much is there.
pub(super) fn piece(host: &NodeName, sha256: &Sha256, offset: u64, bytes: Vec<u8>) -> ExecStep {
    ExecStep {
        id: StepId::new(host, format!("receive {}", sha256.short())),
        op: HostOp::ReceiveChunk { sha256: sha256.clone(), offset },
        was: Condition::Holds,
        own: None,
        bodies: vec![Body { bytes: Secret::new(bytes), secret: false }],
    }
}

/// Sends one piece and hears how much is there now.
async fn deliver(cargo: &Cargo<'_>, offset: u64, bytes: Vec<u8>) -> Result<u64, Unsent> {
    let steps = vec![piece(cargo.host, cargo.sha256, offset, bytes)];
    let mut reply = None;
    let mut heard = |said| {
        if let Said::Ended(_, ended) = said {
            reply = Some(ended);
        }
    };
    let ended = cargo.world.hosts.exec(cargo.host, Exec { steps }, &mut heard).await;
    match (reply, ended) {
        (Some(StepReply::Received(there)), _) => Ok(there),
        (Some(StepReply::Failed(failure)), _) => Err(Unsent::Failed(failure)),
        (_, Err(fault)) => Err(Unsent::Fault(fault)),
        (_, Ok(())) => {
            let text = "the host does not say how much of the artefact is there";
            Err(Unsent::Fault(HostFault::new(Cause::Garbled, text)))
        }
    }
}
