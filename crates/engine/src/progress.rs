//! Where a run stands, folded from its events: everything a live screen needs, as a pure state machine.
//!
//! Owns: counting and remembering. Must not: draw, shorten or word anything, or know the time other than from events.

use std::{collections::BTreeMap, time::Duration};

use model::{
    NodeName,
    event::{End, Event, Outcome, What},
    plan::StepId,
    report::Finding,
};

/// Where a run stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// When the last event came, since the run began.
    pub at: Duration,
    /// The round, from 1; 0 before the first.
    pub round: u32,
    /// Every host that was heard of.
    pub hosts: BTreeMap<NodeName, HostLine>,
    /// Steps of this round's plan that have ended.
    pub done: usize,
    /// Steps of this round's plan.
    pub total: usize,
    /// Steps that changed something, over all rounds.
    pub changed: usize,
    /// Steps that wait, by name.
    pub waits: BTreeMap<StepId, WaitLine>,
    /// What the API said last: ready endpoints and nodes.
    pub kube: Option<(usize, usize)>,
    /// What planning found, in order.
    pub findings: Vec<Finding>,
    /// What the rehearsal did to its world, in order.
    pub faults: Vec<String>,
    /// The operator has asked to stop.
    pub stopping: bool,
    /// Steps that did not end well, and what each was to do, in words.
    pub failed: BTreeMap<StepId, String>,
    /// How the run ended, once it has.
    pub end: Option<End>,
}

/// Where one host stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostLine {
    /// It is being looked at.
    pub looking: bool,
    /// It gave no answer, the last time it was asked.
    pub dark: bool,
    /// Steps under way, in the order they began. Waiting ones are among them.
    pub running: Vec<Running>,
    /// Steps of this round's plan that have ended.
    pub done: usize,
    /// Steps of this round's plan.
    pub total: usize,
    /// Steps that changed something, over all rounds.
    pub changed: usize,
    /// Steps of this round's plan that did not end well, other than by being stopped.
    pub failed: usize,
    /// Steps of this round's plan that were not begun because the operator wanted to stop.
    pub stopped: usize,
    /// When its first step of this round began.
    pub began: Option<Duration>,
    /// When its last step so far ended.
    pub ended: Option<Duration>,
    /// Bytes of an artefact that are there, and in all, while it is sent.
    pub sending: Option<(u64, u64)>,
    /// What last went wrong, or what it is blocked by.
    pub note: Option<String>,
}

/// A step under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Its name.
    pub step: StepId,
    /// One line for people.
    pub title: String,
    /// When it began.
    pub since: Duration,
}

/// A step that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitLine {
    /// What is seen instead.
    pub seen: String,
    /// When the wait ends at the latest.
    pub until: Duration,
}

/// What a host does, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostState {
    /// It was not asked yet, or has nothing to do.
    Idle,
    /// It is being looked at.
    Looking,
    /// Steps are left, and none runs: it waits for another host.
    Queued,
    /// A step runs.
    Working,
    /// All that runs is waiting for something.
    Waiting,
    /// All its steps have ended well.
    Done,
    /// A step did not end well, and nothing runs.
    Failed,
    /// The operator wanted to stop before all its steps had begun; none has failed.
    Stopped,
    /// It does not answer.
    Dark,
}

impl HostLine {
    /// Steps left.
    pub fn left(&self) -> usize {
        self.total.saturating_sub(self.done)
    }

    /// How long it has been at work in this round, when the clock shows `now`.
    pub fn elapsed(&self, now: Duration) -> Duration {
        let end = if self.running.is_empty() { self.ended.unwrap_or(now) } else { now };
        self.began.map_or(Duration::ZERO, |began| end.saturating_sub(began))
    }
}

impl Progress {
    /// What a host does, in one word.
    pub fn state(&self, host: &NodeName) -> HostState {
        let Some(line) = self.hosts.get(host) else { return HostState::Idle };
        let waits = |running: &Running| self.waits.contains_key(&running.step);
        match line {
            line if line.looking => HostState::Looking,
            line if !line.running.is_empty() && line.running.iter().all(waits) => HostState::Waiting,
            line if !line.running.is_empty() => HostState::Working,
            line if line.dark => HostState::Dark,
            line if line.left() > 0 => HostState::Queued,
            line if line.failed > 0 => HostState::Failed,
            line if line.stopped > 0 => HostState::Stopped,
            line if line.total > 0 => HostState::Done,
            _ => HostState::Idle,
        }
    }

    /// The step to show for a host: the latest that does not merely wait, or else the latest.
    pub fn current(&self, host: &NodeName) -> Option<&Running> {
        let running = &self.hosts.get(host)?.running;
        running.iter().rfind(|running| !self.waits.contains_key(&running.step)).or(running.last())
    }

    /// Takes in the next event.
    pub fn apply(&mut self, event: &Event) {
        self.at = event.at;
        match &event.what {
            What::Round { round } => self.round = *round,
            What::Observing { host } => self.line(host).looking = true,
            What::Observed { host } => {
                let line = self.line(host);
                (line.looking, line.dark) = (false, false);
            }
            What::Dark { host, fault } => {
                let line = self.line(host);
                (line.looking, line.dark, line.note) = (false, true, Some(fault.to_string()));
            }
            What::KubeObserved { ready, nodes } => self.kube = Some((*ready, *nodes)),
            What::Planned { steps, hosts } => self.planned(*steps, hosts),
            What::Found { finding } => self.findings.push(finding.clone()),
            What::Stage { host, .. } => _ = self.line(host),
            What::Began { step, host, title } => self.began(step, host, title),
            What::Ended { step, host, title, outcome, .. } => {
                self.ended(step, host, outcome);
                if !outcome.is_good() {
                    self.failed.insert(step.clone(), format!("{host}: {title}"));
                }
            }
            What::Waiting { step, seen, left } => {
                let wait = WaitLine { seen: seen.clone(), until: event.at + *left };
                self.waits.insert(step.clone(), wait);
            }
            What::Sending { step, done, total } => self.sending(step, *done, *total),
            What::Stopping => self.stopping = true,
            What::Fault { text } => self.faults.push(text.clone()),
            What::Over { end } => self.end = Some(end.clone()),
        }
    }

    fn line(&mut self, host: &NodeName) -> &mut HostLine {
        self.hosts.entry(host.clone()).or_default()
    }

    fn planned(&mut self, steps: usize, hosts: &BTreeMap<NodeName, usize>) {
        (self.done, self.total) = (0, steps);
        for line in self.hosts.values_mut() {
            let HostLine { dark, changed, .. } = *line;
            let note = line.note.take().filter(|_| dark);
            *line = HostLine { dark, changed, note, ..HostLine::default() };
        }
        for (host, steps) in hosts {
            self.line(host).total = *steps;
        }
    }

    fn began(&mut self, step: &StepId, host: &NodeName, title: &str) {
        let since = self.at;
        let line = self.line(host);
        line.began.get_or_insert(since);
        line.running.push(Running { step: step.clone(), title: title.to_owned(), since });
    }

    fn ended(&mut self, step: &StepId, host: &NodeName, outcome: &Outcome) {
        let (at, changed) = (self.at, usize::from(*outcome == Outcome::Changed));
        let needed = |by: &StepId| self.failed.get(by).cloned().unwrap_or_else(|| by.to_string());
        let blocked = match outcome {
            Outcome::Blocked { by } => Some(format!("needs {}", needed(by))),
            _ => None,
        };
        self.done += 1;
        self.changed += changed;
        self.waits.remove(step);
        let line = self.line(host);
        line.running.retain(|running| running.step != *step);
        (line.ended, line.sending) = (Some(at), None);
        line.done += 1;
        line.changed += changed;
        let stopped = *outcome == Outcome::Stopped;
        line.stopped += usize::from(stopped);
        line.failed += usize::from(!outcome.is_good() && !stopped);
        match outcome {
            Outcome::Changed | Outcome::Unchanged | Outcome::Stopped => {}
            Outcome::Failed { failure } => line.note = Some(failure.detail.clone()),
            Outcome::Blocked { .. } => line.note = line.note.take().or(blocked),
            Outcome::Broken { fault } | Outcome::Dark { fault } => {
                (line.dark, line.note) = (true, Some(fault.to_string()));
            }
        }
    }

    fn sending(&mut self, step: &StepId, done: u64, total: u64) {
        let runs = |line: &&mut HostLine| line.running.iter().any(|running| running.step == *step);
        if let Some(line) = self.hosts.values_mut().find(runs) {
            line.sending = Some((done, total));
        }
    }
}
