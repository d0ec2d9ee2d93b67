//! How far a plan has come: the state of every step, and the events that tell of each change.
//!
//! Owns: that every step gets exactly one outcome, and that an outcome reaches all who need the step. Must not:
//! decide what goes next on the wire (`mod.rs`).

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use model::{
    NodeName,
    event::{Outcome, What},
    fault::HostFault,
    plan::{Plan, StepId},
    reply::{Failure, StepReply},
    secret::Secret,
};

use super::graph::Graph;
use crate::{World, hush::Hush, world::whole};

/// Where one step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Not sent.
    Idle,
    /// On its way to a host or an API.
    Sent,
    /// It has an outcome.
    Done {
        /// Whether steps that need it may go on.
        good: bool,
    },
}

/// The state of a plan being carried out.
pub(super) struct Board<'a> {
    world: &'a World<'a>,
    pub(super) graph: Graph<'a>,
    states: Vec<State>,
    /// When each step began; its beginning has then been told.
    began: Vec<Option<Duration>>,
    /// How many needs of each step are not done well yet.
    unmet: Vec<usize>,
    /// Steps outside execs that can go now.
    pub(super) ready: VecDeque<usize>,
    /// Hosts for which something may have become possible.
    pub(super) stirred: BTreeSet<&'a NodeName>,
    /// Secret replies.
    pub(super) secrets: BTreeMap<StepId, Secret>,
    pub(super) hush: Hush,
    pub(super) outcomes: BTreeMap<StepId, Outcome>,
    pub(super) changed: usize,
}

impl<'a> Board<'a> {
    /// A plan of which nothing is done.
    pub(super) fn new(world: &'a World<'a>, plan: &'a Plan) -> Self {
        let graph = Graph::new(plan);
        let count = plan.steps.len();
        let unmet: Vec<_> = graph.needs.iter().map(BTreeSet::len).collect();
        let loose = |place: &usize| unmet[*place] == 0 && graph.op(*place).is_none();
        let mut board = Self {
            world,
            states: vec![State::Idle; count],
            began: vec![None; count],
            ready: (0..count).filter(loose).collect(),
            stirred: graph.execs.keys().copied().collect(),
            secrets: BTreeMap::new(),
            hush: Hush::default(),
            outcomes: BTreeMap::new(),
            changed: 0,
            unmet,
            graph,
        };
        for (place, why) in board.graph.flaws.clone() {
            let why = format!("the plan is out of order: {why}; make it again with `coracle plan`");
            board.fail(place, Failure::new(model::reply::FailureKind::Conflict, why));
        }
        board
    }

    /// Where a step stands.
    pub(super) fn state(&self, place: usize) -> State {
        self.states[place]
    }

    /// Every step that has not been sent.
    pub(super) fn idle(&self) -> Vec<usize> {
        (0..self.states.len()).filter(|place| self.states[*place] == State::Idle).collect()
    }

    /// Whether a step ends a guard that is armed, or is being armed. Left alone the guard would take back what was done.
    pub(super) fn ends_guard(&self, place: usize) -> bool {
        let armed = |arming: usize| matches!(self.states[arming], State::Sent | State::Done { good: true });
        self.graph.guard_ended_by(place).is_some_and(armed)
    }

    /// What one exec on this host can carry now, in plan order: a step goes when all it needs is done, or goes in
    /// the same exec before it.
    pub(super) fn batch(&self, host: &NodeName) -> Vec<usize> {
        let mut batch = BTreeSet::new();
        for place in self.graph.execs.get(host).into_iter().flatten() {
            let needs = &self.graph.needs[*place];
            let goes = |need: &usize| {
                self.states[*need] == State::Done { good: true }
                    || (batch.contains(need) && !self.graph.sources[*place].contains(need))
            };
            if self.states[*place] == State::Idle && needs.iter().all(goes) {
                batch.insert(*place);
            }
        }
        batch.into_iter().collect()
    }

    /// A step leaves for its host or API.
    pub(super) fn send(&mut self, place: usize) {
        self.states[place] = State::Sent;
    }

    /// A step was sent and not reached; it may go again.
    pub(super) fn unsend(&mut self, place: usize) {
        if self.states[place] == State::Sent {
            self.states[place] = State::Idle;
        }
    }

    /// Whether a step is under way: begun and not ended.
    pub(super) fn runs(&self, place: usize) -> bool {
        self.states[place] == State::Sent && self.began[place].is_some()
    }

    /// A step begins. Told once, even when a lost connection makes it begin again.
    pub(super) fn begin(&mut self, place: usize) {
        if self.began[place].is_some() || matches!(self.states[place], State::Done { .. }) {
            return;
        }
        self.began[place] = Some(self.world.clock.now());
        let step = &self.graph.steps[place];
        let (id, host, title) = (step.id.clone(), step.host.clone(), step.change.title.clone());
        self.world.tell(What::Began { step: id, host, title });
    }

    /// A host has answered for a step.
    pub(super) fn answer(&mut self, place: usize, reply: StepReply) {
        let outcome = match reply {
            StepReply::Changed | StepReply::Received(_) => Outcome::Changed,
            StepReply::Unchanged | StepReply::Observed(..) => Outcome::Unchanged,
            StepReply::Failed(failure) => return self.fail(place, failure),
            StepReply::Secret { changed, secret } => {
                self.hush.learn(&secret);
                self.secrets.insert(self.graph.steps[place].id.clone(), secret);
                if changed { Outcome::Changed } else { Outcome::Unchanged }
            }
        };
        self.end(place, outcome);
    }

    /// A step could not be done.
    pub(super) fn fail(&mut self, place: usize, failure: Failure) {
        let failure = self.hush.failure(failure);
        self.end(place, Outcome::Failed { failure });
    }

    /// Gives a step its outcome; what needs it in vain is blocked with it. Where the run is stopped, all is.
    pub(super) fn end(&mut self, place: usize, outcome: Outcome) {
        let (good, stopped) = (outcome.is_good(), outcome == Outcome::Stopped);
        match self.close(place, outcome) {
            true if good => self.release(place),
            true if !stopped => self.block(place),
            _ => {}
        }
    }

    /// Gives these steps one and the same outcome, where they have none.
    pub(super) fn end_all(&mut self, places: Vec<usize>, outcome: &Outcome) {
        for place in places {
            self.end(place, outcome.clone());
        }
    }

    /// A host gives no more answers: what ran there is broken, the rest of its steps will not begin.
    pub(super) fn darken(&mut self, host: &NodeName, fault: &HostFault) {
        let fault = self.hush.fault(fault.clone());
        let places: Vec<_> = self.graph.execs.get(host).into_iter().flatten().copied().collect();
        let mut closed = Vec::new();
        for place in places {
            let fault = fault.clone();
            let outcome = if self.runs(place) { Outcome::Broken { fault } } else { Outcome::Dark { fault } };
            if self.close(place, outcome) {
                closed.push(place);
            }
        }
        for place in closed {
            self.block(place);
        }
    }

    /// The first time a step ends counts, and only that is told.
    fn close(&mut self, place: usize, outcome: Outcome) -> bool {
        if matches!(self.states[place], State::Done { .. }) {
            return false;
        }
        self.states[place] = State::Done { good: outcome.is_good() };
        self.changed += usize::from(outcome == Outcome::Changed);
        let step = &self.graph.steps[place];
        let took =
            self.began[place].map_or(Duration::ZERO, |began| self.world.clock.now().saturating_sub(began));
        self.outcomes.insert(step.id.clone(), outcome.clone());
        let (id, host, change) = (step.id.clone(), step.host.clone(), step.change.kind);
        let title = step.change.title.clone();
        self.world.tell(What::Ended { step: id, host, title, change, outcome, took: whole(took) });
        true
    }

    fn release(&mut self, place: usize) {
        for dependent in self.graph.dependents[place].clone() {
            self.unmet[dependent] -= 1;
            match self.graph.op(dependent) {
                Some(_) => _ = self.stirred.insert(&self.graph.steps[dependent].host),
                None if self.unmet[dependent] == 0 => self.ready.push_back(dependent),
                None => {}
            }
        }
    }

    fn block(&mut self, root: usize) {
        let by = self.graph.steps[root].id.clone();
        let mut open = VecDeque::from(self.graph.dependents[root].clone());
        while let Some(place) = open.pop_front() {
            if self.close(place, Outcome::Blocked { by: by.clone() }) {
                open.extend(&self.graph.dependents[place]);
            }
        }
    }
}
