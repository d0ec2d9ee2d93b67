//! The simulated world: machines, clusters, appointments, faults, and a memory of what went wrong.
//!
//! Owns: everything that outlives an operator's process. Must not: know who looks at it, or by which ports.

mod build;
mod effects;
mod from_facts;
mod furnish;
mod login;
mod script;
mod snapshot;
mod watch;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
    time::Duration,
};

use model::{NodeName, digest::Sha256};
use serde::{Deserialize, Serialize};

use crate::{
    artifact::Shelf,
    clock::EPOCH,
    fault::{Fault, Mending},
    host::Machine,
    k3s::{Cluster, Process, Tick},
};
pub use furnish::Thing;
pub(crate) use login::Operator;
pub(crate) use script::{Inbox, Script};
pub use snapshot::Snapshot;

/// A world that several operators' processes may share, one after another or side by side.
pub type Shared = Rc<RefCell<World>>;

/// Everything that there is in a rehearsal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct World {
    pub(crate) seed: u64,
    pub(crate) epoch: u64,
    pub(crate) now: Duration,
    pub(crate) machines: BTreeMap<NodeName, Machine>,
    pub(crate) processes: BTreeMap<NodeName, Process>,
    pub(crate) clusters: BTreeMap<u32, Cluster>,
    pub(crate) shelf: Shelf,
    /// DNS names and the machines behind them.
    pub(crate) names: BTreeMap<String, Vec<NodeName>>,
    #[serde(skip)]
    pub(crate) scripts: BTreeMap<u64, Script>,
    pub(crate) faults: Vec<Fault>,
    /// When a fault last hit each machine.
    pub(crate) hit: BTreeMap<NodeName, Duration>,
    pub(crate) violations: Vec<String>,
    pub(crate) story: Vec<(Duration, String)>,
    /// Values that must never be seen.
    #[serde(skip)]
    pub(crate) learned: BTreeSet<Vec<u8>>,
    pub(crate) beating: bool,
    /// Steps that have ended, over all operators.
    pub(crate) ended: u64,
    /// After how many more things heard the operator's process dies.
    pub(crate) dies_after: Option<u64>,
    pub(crate) dead_operators: BTreeSet<u32>,
    pub(crate) operators: u32,
    /// Whether scripts end with the connection that started them.
    pub(crate) scripts_are_cut: bool,
    /// Whether taking a cluster down is wanted.
    pub(crate) may_destroy: bool,
    /// Machines that the file no longer names: what lies on them counts for nothing, as the operator has decided.
    #[serde(skip)]
    pub(crate) given_up: BTreeSet<NodeName>,
    number: u64,
    #[serde(with = "snapshot::pairs")]
    tasks: BTreeMap<(Duration, u64), Task>,
}

/// An appointment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Task {
    /// A script goes on.
    Script(u64),
    K3s {
        host: NodeName,
        serial: u64,
        tick: Tick,
    },
    Beat,
    /// A round of every etcd leader.
    Members,
    Guard {
        host: NodeName,
        id: String,
    },
    /// A machine is up again.
    Boot {
        host: NodeName,
        boots: u32,
    },
    /// Connections to a machine that no longer answers are given up.
    GiveUp {
        host: NodeName,
    },
    /// A fault whose time has come.
    Fault(Fault),
    /// A fault ends by itself.
    Mend(Mending),
    /// Whether the operator is still locked out.
    LockedOut {
        host: NodeName,
        since: Duration,
    },
}

impl World {
    pub(crate) fn bare(seed: u64) -> Self {
        Self {
            seed,
            epoch: EPOCH,
            now: Duration::ZERO,
            machines: BTreeMap::new(),
            processes: BTreeMap::new(),
            clusters: BTreeMap::new(),
            shelf: Shelf::default(),
            names: BTreeMap::new(),
            scripts: BTreeMap::new(),
            faults: Vec::new(),
            hit: BTreeMap::new(),
            violations: Vec::new(),
            story: Vec::new(),
            learned: BTreeSet::new(),
            beating: false,
            ended: 0,
            dies_after: None,
            dead_operators: BTreeSet::new(),
            operators: 0,
            scripts_are_cut: false,
            may_destroy: false,
            given_up: BTreeSet::new(),
            number: 0,
            tasks: BTreeMap::new(),
        }
    }

    /// Puts the world where several operators can share it.
    pub fn share(self) -> Shared {
        Rc::new(RefCell::new(self))
    }

    /// Appointments that only this rehearsal has asked for.
    pub(crate) fn drop_faults(&mut self) {
        self.faults.clear();
        self.tasks.retain(|_, task| !matches!(task, Task::Fault(_)));
    }

    /// What has gone wrong by coracle's own doing, in order; empty in a good run.
    pub fn violations(&self) -> Vec<String> {
        self.violations.clone()
    }

    /// Faults that have happened, with the world's own time.
    pub fn story(&self) -> &[(Duration, String)] {
        &self.story
    }

    /// Time since the world began.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Steps that have ended, over all operators.
    pub fn steps_ended(&self) -> u64 {
        self.ended
    }

    /// The machines' names.
    pub fn hosts(&self) -> impl Iterator<Item = &NodeName> {
        self.machines.keys()
    }

    /// The text of a file on a machine, links followed, where there is one of known content.
    pub fn file(&self, host: &NodeName, path: &str) -> Option<String> {
        self.machines.get(host)?.disk.text(path)
    }

    /// Puts a file of root's (0644) on a machine, as somebody else would.
    pub fn write(&mut self, host: &NodeName, path: &str, text: &str) {
        if let Some(machine) = self.machines.get_mut(host) {
            machine.disk.write(path, 0o644, text);
        }
    }

    /// The clusters that were ever founded here by coracle's hosts and still have data on some machine.
    pub fn clusters_alive(&self) -> usize {
        self.clusters
            .values()
            .filter(|cluster| !cluster.foreign && self.has_data(cluster.id, |_| true))
            .count()
    }

    /// Says which machines the file names. The others are given up by the operator, with the cluster that may lie on them.
    pub fn give_up_unnamed<'a>(&mut self, named: impl Iterator<Item = &'a NodeName>) {
        let named: BTreeSet<_> = named.collect();
        self.given_up = self.machines.keys().filter(|host| !named.contains(host)).cloned().collect();
    }

    /// Lets scripts end when the connection that started them ends, instead of going on to their own end.
    pub fn cut_scripts(&mut self, cut: bool) {
        self.scripts_are_cut = cut;
    }

    /// Says that taking the cluster down is wanted, so that lost quorum is no violation.
    pub fn expect_destruction(&mut self) {
        self.may_destroy = true;
    }

    /// Lets the operator's process die when it has heard this many more things from hosts (beginnings and ends of
    /// steps). [`crate::Sim::run`] then ends with [`crate::Ran::Died`].
    pub fn die_after(&mut self, heard: u64) {
        self.dies_after = Some(heard);
    }

    /// Takes the artefacts of a lock into the simulated internet. Their digests stand for stand-ins.
    pub fn stock(&mut self, lock: &model::lock::Lock) {
        self.shelf.stock(lock);
    }

    /// A number that is never given twice.
    pub(crate) fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// 32 hex digits that follow from seed and order alone.
    pub(crate) fn new_secret(&mut self, purpose: &str) -> String {
        let number = self.next_number();
        let digest = Sha256::of(format!("{:016x} {purpose} {number}", self.seed).as_bytes());
        digest.as_str()[..32].to_owned()
    }

    /// A span on a machine: up to a quarter longer by chance, and as many times longer as it is slow.
    pub(crate) fn span(&mut self, host: &NodeName, span: Duration) -> Duration {
        let number = self.next_number();
        let digest = Sha256::of(format!("{:016x} {host} {number}", self.seed).as_bytes());
        let chance = u32::from_str_radix(&digest.as_str()[..2], 16).expect("two hex digits");
        let slow = self.machines.get(host).map_or(1, |machine| machine.link.slow);
        (span + span * chance / 1024) * slow
    }

    pub(crate) fn schedule(&mut self, after: Duration, task: Task) {
        let number = self.next_number();
        self.tasks.insert((self.now + after, number), task);
    }

    /// The time of the next appointment.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.tasks.keys().next().map(|(at, _)| *at)
    }

    /// Every appointment, the next one first.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values()
    }

    /// Keeps every appointment up to this time.
    pub(crate) fn advance(&mut self, now: Duration) {
        while let Some(entry) = self.tasks.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((at, _), task) = entry.remove_entry();
            self.now = self.now.max(at);
            self.keep(task);
        }
        self.now = self.now.max(now);
    }

    fn keep(&mut self, task: Task) {
        match task {
            Task::Script(script) => self.script_goes_on(script),
            Task::K3s { host, serial, tick } => {
                self.if_awake(&host.clone(), Task::K3s { host, serial, tick });
            }
            Task::Beat => self.beat(),
            Task::Members => self.manage_members(),
            Task::Guard { host, id } => self.guard_fires(&host, &id),
            Task::Boot { host, boots } => self.boot(&host, boots),
            Task::GiveUp { host } => self.give_up(&host),
            Task::Fault(fault) => self.strike(&fault),
            Task::Mend(mending) => self.mend(&mending),
            Task::LockedOut { host, since } => self.judge_lockout(&host, since),
        }
    }

    /// A process on a machine that hangs goes on later; on one that is off, never.
    fn if_awake(&mut self, host: &NodeName, task: Task) {
        use crate::host::PowerState;
        match (self.machines.get(host).map(|machine| machine.power.state), task) {
            (Some(PowerState::On), Task::K3s { host, serial, tick }) => self.tick(&host, serial, tick),
            (Some(PowerState::Hung), task) => self.schedule(Duration::from_secs(1), task),
            _ => {}
        }
    }
}
