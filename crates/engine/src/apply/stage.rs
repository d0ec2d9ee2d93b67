//! One stage: the steps of one host that go in one exec, up to the answer for each of them.
//!
//! Owns: one host's conversation, including its second try after a lost connection and sending artefacts that the
//! host lacks. Must not: touch other hosts, or decide what the answers mean for other steps.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use model::{
    NodeName,
    event::What,
    fault::{Cause, HostFault},
    plan::StepId,
    port::{Exec, ExecStep},
    reply::{Failure, FailureKind, Said, StepReply},
};

use super::{
    news::{Inbox, News},
    send::{self, Cargo, Unsent},
};
use crate::World;

/// How long a lost connection is left alone before the second try.
const BREATH: Duration = Duration::from_secs(1);

/// One step of a stage.
#[derive(Clone)]
pub(super) struct Item {
    /// What it is for.
    pub(super) aim: Aim,
    /// What is sent.
    pub(super) step: ExecStep,
}

/// What an operation in an exec is for. Steps are named by their place in the plan.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// A step of the plan.
    Step(usize),
    /// The cluster lock.
    Lock,
    /// Hearing how much is there of the artefact that a step needs.
    Part(usize),
}

/// A stage on its way.
pub(super) struct Stage<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) inbox: &'a Inbox<'a>,
    pub(super) host: &'a NodeName,
    /// What has not been answered for.
    left: Vec<Item>,
    /// Steps whose artefact was asked about, and how much of it was there.
    asked: BTreeMap<usize, u64>,
    /// Steps whose artefact was sent because the host refused to go on without it.
    sent: BTreeSet<usize>,
}

/// What one exec left behind.
#[derive(Default)]
struct Heard {
    /// Names of the steps that were answered for.
    ended: BTreeSet<StepId>,
    /// A step failed, and with it the exec was over.
    failed: bool,
    /// The step whose artefact is in question, and what was said of it.
    wants: Option<(usize, Wants)>,
}

/// What a host said of an artefact.
enum Wants {
    /// This much of it is there.
    Part(u64),
    /// It cannot go on without it; what is there is not the whole, or was none of it and is thrown away.
    Whole(FailureKind),
}

impl<'a> Stage<'a> {
    /// A stage of these steps.
    pub(super) fn new(
        world: &'a World<'a>,
        inbox: &'a Inbox<'a>,
        host: &'a NodeName,
        left: Vec<Item>,
    ) -> Self {
        Self { world, inbox, host, left, asked: BTreeMap::new(), sent: BTreeSet::new() }
    }

    /// Goes through the stage. An error means that the host does not answer any more.
    pub(super) async fn run(mut self) -> News<'a> {
        let ended = self.converse().await;
        News::Stage(self.host, ended)
    }

    async fn converse(&mut self) -> Result<(), HostFault> {
        let mut lost = false;
        loop {
            let carried = self.carried();
            let (heard, ended) = self.exec(&carried).await;
            self.left.retain(|item| !heard.ended.contains(&item.step.id));
            if let Some((place, wants)) = heard.wants {
                if self.deliver(place, wants).await? {
                    continue;
                }
                return Ok(());
            }
            if heard.failed || self.left.is_empty() {
                return Ok(());
            }
            match ended {
                Ok(()) => {
                    let text = format!("no answer for \"{}\"", self.left[0].step.id);
                    return Err(HostFault::new(Cause::Garbled, text));
                }
                Err(fault) if fault.cause != Cause::Lost || lost => return Err(fault),
                Err(fault) => {
                    lost = true;
                    if !self.world.pause(BREATH).await {
                        return Err(fault);
                    }
                }
            }
        }
    }

    /// What the next exec carries: all that is left, or the part before the first artefact that is sent from here
    /// and was not asked about. A fetch throws away what is not whole, so asking comes first.
    fn carried(&self) -> Vec<Item> {
        let unasked = |item: &Item| match item.aim {
            Aim::Step(place) if !self.asked.contains_key(&place) => {
                send::cargo(&item.step.op).map(|(sha256, _)| (place, sha256.clone()))
            }
            _ => None,
        };
        let Some((at, (place, sha256))) =
            self.left.iter().enumerate().find_map(|(at, item)| Some((at, unasked(item)?)))
        else {
            return self.left.clone();
        };
        let part = Item { aim: Aim::Part(place), step: send::piece(self.host, &sha256, 0, Vec::new()) };
        self.left[..at].iter().cloned().chain([part]).collect()
    }

    async fn exec(&self, items: &[Item]) -> (Heard, Result<(), HostFault>) {
        let steps = items.iter().filter(|item| matches!(item.aim, Aim::Step(_))).count();
        self.world.tell(What::Stage { host: self.host.clone(), steps });
        let exec = Exec { steps: items.iter().map(|item| item.step.clone()).collect() };
        let mut heard = Heard::default();
        let mut listen = |said| self.listen(said, items, &mut heard);
        let ended = self.world.hosts.exec(self.host, exec, &mut listen).await;
        (heard, ended)
    }

    /// Passes on what a host says, as it says it. Names that were not sent, and second answers, are let pass.
    fn listen(&self, said: Said, items: &[Item], heard: &mut Heard) {
        let (id, reply) = match said {
            Said::Began(id) => (id, None),
            Said::Ended(id, reply) => (id, Some(reply)),
        };
        let Some(item) = items.iter().find(|item| item.step.id == id) else { return };
        match (item.aim, reply) {
            (Aim::Step(place), None) => self.inbox.put(News::Began(place)),
            (Aim::Lock | Aim::Part(_), None) => {}
            (Aim::Part(place), Some(StepReply::Received(there))) => {
                heard.wants = Some((place, Wants::Part(there)));
            }
            (Aim::Step(place), Some(StepReply::Failed(failure))) if self.lacks(place, item, &failure) => {
                heard.wants = Some((place, Wants::Whole(failure.kind)));
            }
            (aim, Some(reply)) => {
                heard.failed |= matches!(reply, StepReply::Failed(_));
                if heard.ended.insert(id) {
                    self.inbox.put(match aim {
                        Aim::Step(place) | Aim::Part(place) => News::Answered(place, Box::new(reply)),
                        Aim::Lock => News::Lock(self.host, taken(reply)),
                    });
                }
            }
        }
    }

    /// Whether a host says that it lacks an artefact which can still be sent from here.
    fn lacks(&self, place: usize, item: &Item, failure: &Failure) -> bool {
        let lacks = matches!(failure.kind, FailureKind::Missing | FailureKind::Checksum);
        lacks && send::cargo(&item.step.op).is_some() && !self.sent.contains(&place)
    }

    /// Sends what a step wants. Where nothing is there yet, the fetch first shows whether anything has to be. False
    /// when the stage ends here: the step has failed, or the run was stopped.
    async fn deliver(&mut self, place: usize, wants: Wants) -> Result<bool, HostFault> {
        let there = match wants {
            Wants::Part(there) => {
                self.asked.insert(place, there);
                if there == 0 {
                    return Ok(!self.world.halt.asked());
                }
                Some(there)
            }
            Wants::Whole(kind) => {
                self.sent.insert(place);
                self.asked.get(&place).copied().filter(|_| kind == FailureKind::Missing)
            }
        };
        let wanting = self.left.iter().find(|item| item.aim == Aim::Step(place));
        let Some((step, (sha256, url))) =
            wanting.and_then(|item| Some((&item.step.id, send::cargo(&item.step.op)?)))
        else {
            return Ok(false);
        };
        let cargo = Cargo { world: self.world, host: self.host, step, sha256, url };
        match send::send(&cargo, there).await {
            Ok(()) => Ok(!self.world.halt.asked()),
            Err(Unsent::Halted) => Ok(false),
            Err(Unsent::Failed(failure)) => {
                self.inbox.put(News::Answered(place, Box::new(StepReply::Failed(failure))));
                Ok(false)
            }
            Err(Unsent::Fault(fault)) => Err(fault),
        }
    }
}

fn taken(reply: StepReply) -> Result<(), Failure> {
    match reply {
        StepReply::Failed(failure) => Err(failure),
        _ => Ok(()),
    }
}
