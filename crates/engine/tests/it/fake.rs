//! A world in memory whose every answer a test can choose.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use engine::{Run, World};
use futures::future::LocalBoxFuture;
use model::{
    NodeName, SecretRef,
    digest::Sha256,
    event::{Event, What},
    facts::KubeFacts,
    fault::{Cause, HostFault},
    op::{Holder, HostOp, KubeOp, Origin, Survey},
    plan::StepId,
    port::{Access, Artifacts, Clock, Events, Exec, ExecStep, Halt, Hosts, Kube, Secrets},
    reply::{Failure, FailureKind, KubeReply, Said, StepReply},
    secret::Secret,
};

use crate::{
    clock::VirtualClock,
    plans::{host_facts, node},
};

/// What happens when a step's turn comes, once each.
#[derive(Clone, Debug)]
pub(crate) enum Turn {
    Fail(FailureKind),
    /// The connection breaks before the step begins.
    LoseBefore,
    /// It breaks after the step was done and before that is said.
    LoseAfter,
    /// The host is gone for good, in the middle of the step.
    Die,
    /// The exec ends without a word about the step.
    Mute,
}

/// The bytes that no event may ever show.
pub(crate) const SECRET: &str = "correct-horse-battery";

#[derive(Default)]
pub(crate) struct Fake {
    pub(crate) clock: VirtualClock,
    /// By step name.
    pub(crate) turns: RefCell<BTreeMap<String, VecDeque<Turn>>>,
    /// Host and step names of each exec, in order, with when it began.
    pub(crate) execs: RefCell<Vec<(Duration, String, Vec<String>)>>,
    /// How often each step was worked on.
    pub(crate) worked: RefCell<BTreeMap<StepId, u32>>,
    pub(crate) dead: RefCell<BTreeSet<NodeName>>,
    pub(crate) events: RefCell<Vec<Event>>,
    pub(crate) halt_at: Cell<Option<Duration>>,
    /// What the API shows from when on, in order of time.
    pub(crate) kube: RefCell<Vec<(Duration, KubeFacts)>>,
    pub(crate) asks: Cell<u32>,
    /// Fresh logins that fail before one succeeds.
    pub(crate) refused_logins: Cell<u32>,
    /// The artefact that is sent.
    pub(crate) artifact: Vec<u8>,
    pub(crate) parts: RefCell<BTreeMap<NodeName, Vec<u8>>>,
    pub(crate) placed: RefCell<BTreeSet<NodeName>>,
    /// Chunks after which connections break, one after the other.
    pub(crate) chunks_lost: Cell<u32>,
    pub(crate) sent: Cell<usize>,
    /// Whether another run has the cluster lock, by host.
    pub(crate) locked: RefCell<BTreeSet<NodeName>>,
    pub(crate) holds: RefCell<BTreeSet<NodeName>>,
    pub(crate) busy: RefCell<BTreeSet<NodeName>>,
    /// Bodies as they arrived, by step.
    pub(crate) bodies: RefCell<BTreeMap<StepId, Vec<Vec<u8>>>>,
    /// Whether hosts show that k3s runs there.
    pub(crate) has_k3s: Cell<bool>,
    /// Until when a revert is armed.
    pub(crate) guard_until: Cell<Duration>,
}

pub(crate) fn run() -> Run {
    let holder = Holder { user: "me".into(), machine: "desk".into(), pid: 7, started: 1_000 };
    Run { holder, dead: Vec::new(), lease: 900 }
}

impl Fake {
    pub(crate) fn world(&self) -> World<'_> {
        World {
            hosts: self,
            access: self,
            kube: self,
            artifacts: self,
            secrets: self,
            clock: self,
            events: self,
            halt: self,
        }
    }

    pub(crate) fn turn(self, step: &StepId, turn: Turn) -> Self {
        self.turns.borrow_mut().entry(step.to_string()).or_default().push_back(turn);
        self
    }

    /// Runs to the end. A run that goes on for ever fails here.
    pub(crate) fn finish<T>(&self, future: impl Future<Output = T>) -> T {
        self.clock.run(future, 1_000_000).expect("the run ends")
    }

    /// The execs, one line each.
    pub(crate) fn story(&self) -> Vec<String> {
        self.execs.borrow().iter().map(|(_, host, steps)| format!("{host} <- {}", steps.join(", "))).collect()
    }

    pub(crate) fn ended(&self) -> Vec<String> {
        let events = self.events.borrow();
        let ended = events.iter().filter_map(|event| match &event.what {
            What::Ended { step, outcome, .. } => Some(format!("{step}: {}", word(outcome))),
            _ => None,
        });
        ended.collect()
    }

    fn lost(host: &NodeName, blurted: &str) -> HostFault {
        HostFault::new(Cause::Lost, format!("{host} hung up{blurted}"))
    }

    async fn work(&self, host: &NodeName, exec: Exec, heard: &mut dyn FnMut(Said)) -> Result<(), HostFault> {
        self.clock.sleep(Duration::from_millis(20)).await;
        // What carries a secret blurts it out when it fails.
        let secret = exec.steps.iter().flat_map(|step| &step.bodies).any(|body| body.secret);
        let blurted = if secret { format!(": {SECRET}") } else { String::new() };
        for step in exec.steps {
            if self.dead.borrow().contains(host) {
                return Err(HostFault::new(Cause::TimedOut, ""));
            }
            let turn = self.turns.borrow_mut().get_mut(step.id.as_str()).and_then(VecDeque::pop_front);
            match &turn {
                Some(Turn::LoseBefore) => return Err(Self::lost(host, &blurted)),
                Some(Turn::Mute) => return Ok(()),
                _ => {}
            }
            heard(Said::Began(step.id.clone()));
            self.clock.sleep(Duration::from_millis(100)).await;
            let reply = match turn {
                Some(Turn::Die) => {
                    self.dead.borrow_mut().insert(host.clone());
                    return Err(HostFault::new(Cause::TimedOut, "no answer"));
                }
                Some(Turn::Fail(kind)) => {
                    StepReply::Failed(Failure::new(kind, format!("no such file{blurted}")))
                }
                _ => self.perform(host, &step)?,
            };
            if matches!(turn, Some(Turn::LoseAfter)) {
                return Err(Self::lost(host, &blurted));
            }
            let failed = matches!(reply, StepReply::Failed(_));
            heard(Said::Ended(step.id, reply));
            if failed {
                return Ok(());
            }
        }
        Ok(())
    }

    fn perform(&self, host: &NodeName, step: &ExecStep) -> Result<StepReply, HostFault> {
        let bodies: Vec<_> = step.bodies.iter().map(|body| body.bytes.expose().to_vec()).collect();
        self.bodies.borrow_mut().insert(step.id.clone(), bodies.clone());
        let mut worked = self.worked.borrow_mut();
        let before = *worked.entry(step.id.clone()).and_modify(|times| *times += 1).or_insert(1) > 1;
        if !step.op.only_reads() && !matches!(step.op, HostOp::TakeLock(_) | HostOp::ReleaseLock { .. }) {
            assert!(self.holds.borrow().contains(host), "{host} is changed without the lock: {}", step.id);
        }
        Ok(match &step.op {
            HostOp::Observe(_) => {
                let mut facts = host_facts();
                facts.stable.k3s.data.etcd = self.has_k3s.get();
                let left = self.guard_until.get().saturating_sub(self.clock.now()).as_secs();
                facts.volatile.guard = (left > 0).then(|| model::facts::GuardFact { id: "g".into(), left });
                StepReply::Observed(facts, None)
            }
            HostOp::TakeLock(_) if self.locked.borrow().contains(host) => {
                StepReply::Failed(Failure::new(FailureKind::Locked, "held by you@there since noon"))
            }
            HostOp::TakeLock(_) => {
                self.holds.borrow_mut().insert(host.clone());
                StepReply::Changed
            }
            HostOp::ReleaseLock { .. } => {
                self.holds.borrow_mut().remove(host);
                StepReply::Changed
            }
            HostOp::ReadSecret { .. } => {
                StepReply::Secret { changed: false, secret: Secret::new(SECRET.as_bytes().to_vec()) }
            }
            HostOp::FetchArtifact { from: Origin::Sent { .. }, .. } => {
                let complete = self.parts.borrow().get(host).is_some_and(|part| *part == self.artifact);
                if self.placed.borrow().contains(host) {
                    StepReply::Unchanged
                } else if complete {
                    self.placed.borrow_mut().insert(host.clone());
                    StepReply::Changed
                } else {
                    StepReply::Failed(Failure::new(FailureKind::Missing, "not sent yet"))
                }
            }
            HostOp::ReceiveChunk { offset, .. } => {
                self.sent.set(self.sent.get() + bodies[0].len());
                let mut parts = self.parts.borrow_mut();
                let part = parts.entry(host.clone()).or_default();
                if part.len() as u64 == *offset {
                    part.extend(&bodies[0]);
                }
                if !bodies[0].is_empty() && self.chunks_lost.get() > 0 {
                    self.chunks_lost.set(self.chunks_lost.get() - 1);
                    return Err(Self::lost(host, ""));
                }
                StepReply::Received(part.len() as u64)
            }
            _ if before => StepReply::Unchanged,
            _ => StepReply::Changed,
        })
    }
}

pub(crate) fn word(outcome: &model::event::Outcome) -> String {
    use model::event::Outcome;
    match outcome {
        Outcome::Changed => "changed".into(),
        Outcome::Unchanged => "unchanged".into(),
        Outcome::Failed { failure } => format!("failed {}: {}", failure.kind.as_str(), failure.detail),
        Outcome::Broken { fault } => format!("broken: {fault}"),
        Outcome::Blocked { by } => format!("blocked by {by}"),
        Outcome::Dark { fault } => format!("dark: {fault}"),
        Outcome::Stopped => "stopped".into(),
    }
}

impl Hosts for Fake {
    fn exec<'a>(
        &'a self,
        host: &'a NodeName,
        exec: Exec,
        heard: &'a mut dyn FnMut(Said),
    ) -> LocalBoxFuture<'a, Result<(), HostFault>> {
        Box::pin(async move {
            let names = exec.steps.iter().map(|step| {
                let name = step.id.as_str();
                name.strip_prefix(&format!("{host}: ")).unwrap_or(name).to_owned()
            });
            self.execs.borrow_mut().push((self.clock.now(), host.to_string(), names.collect()));
            assert!(self.busy.borrow_mut().insert(host.clone()), "two execs at once on {host}");
            let ended = self.work(host, exec, heard).await;
            self.busy.borrow_mut().remove(host);
            ended
        })
    }
}

impl Access for Fake {
    fn prove<'a>(&'a self, _: &'a NodeName) -> LocalBoxFuture<'a, Result<(), HostFault>> {
        Box::pin(async move {
            self.clock.sleep(Duration::from_millis(50)).await;
            let left = self.refused_logins.get();
            self.refused_logins.set(left.saturating_sub(1));
            if left == 0 { Ok(()) } else { Err(HostFault::new(Cause::Refused, "")) }
        })
    }
}

impl Kube for Fake {
    fn ask<'a>(
        &'a self,
        _: &'a [NodeName],
        op: &'a KubeOp,
    ) -> LocalBoxFuture<'a, Result<KubeReply, Failure>> {
        Box::pin(async move {
            self.clock.sleep(Duration::from_millis(30)).await;
            if *op != KubeOp::Observe {
                return Ok(KubeReply::Changed);
            }
            self.asks.set(self.asks.get() + 1);
            let now = self.clock.now();
            let kube = self.kube.borrow();
            let seen = kube.iter().rfind(|(from, _)| *from <= now).map(|(_, facts)| facts.clone());
            Ok(KubeReply::Observed(seen.unwrap_or_default()))
        })
    }
}

impl Artifacts for Fake {
    fn read<'a>(
        &'a self,
        _: &'a Sha256,
        _: &'a str,
        offset: u64,
        limit: usize,
    ) -> LocalBoxFuture<'a, Result<(Vec<u8>, u64), Failure>> {
        let rest = self.artifact.iter().skip(usize::try_from(offset).expect("small"));
        let bytes = rest.take(limit).copied().collect();
        Box::pin(async move { Ok((bytes, self.artifact.len() as u64)) })
    }
}

impl Secrets for Fake {
    fn look(&self, reference: &SecretRef) -> Result<Secret, String> {
        match reference {
            SecretRef::Env(name) if name == "SET" => Ok(Secret::new(SECRET.as_bytes().to_vec())),
            other => Err(format!("{other} is not set")),
        }
    }
}

impl Clock for Fake {
    fn now(&self) -> Duration {
        self.clock.now()
    }
    fn epoch(&self) -> u64 {
        1_000 + self.clock.now().as_secs()
    }
    fn sleep<'a>(&'a self, span: Duration) -> LocalBoxFuture<'a, ()> {
        Box::pin(self.clock.sleep(span))
    }
}

impl Events for Fake {
    fn tell(&self, event: Event) {
        let line = engine::journal::line(&event);
        assert!(!line.contains(SECRET), "an event shows a secret: {line}");
        self.events.borrow_mut().push(event);
    }
}

impl Halt for Fake {
    fn asked(&self) -> bool {
        self.halt_at.get().is_some_and(|at| self.clock.now() >= at)
    }
}

/// Nothing beside what is always looked at, for each of these hosts.
pub(crate) fn surveys(hosts: &[&str]) -> BTreeMap<NodeName, Survey> {
    hosts.iter().map(|host| (node(host), Survey::default())).collect()
}
