//! The cluster lock during one application of a plan.
//!
//! Owns: which host may be changed when. The first host in name order takes the lock alone; once it has it, the
//! others take theirs with their first change. So of two runs one gets all and the other nothing, instead of each a
//! half. Must not: send anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use model::{
    NodeName,
    condition::Condition,
    op::{HostOp, Lease},
    plan::{Plan, StepId},
    port::ExecStep,
};

use super::graph::Graph;
use crate::Run;

/// Who has been asked, who has it, who is out.
pub(super) struct Locks<'a> {
    run: &'a Run,
    plan: &'a Plan,
    /// Hosts that will be changed, in name order.
    order: Vec<&'a NodeName>,
    held: BTreeMap<&'a NodeName, Duration>,
    given_up: BTreeSet<&'a NodeName>,
    /// Whether a host had to wait for the first one.
    pub(super) held_back: bool,
}

impl<'a> Locks<'a> {
    /// Nobody has been asked.
    pub(super) fn new(run: &'a Run, plan: &'a Plan, graph: &Graph<'a>) -> Self {
        let mutates = |places: &Vec<usize>| {
            places.iter().any(|place| graph.op(*place).is_some_and(|op| !op.only_reads()))
        };
        let order = graph.execs.iter().filter(|(_, places)| mutates(places)).map(|(host, _)| *host).collect();
        Self { run, plan, order, held: BTreeMap::new(), given_up: BTreeSet::new(), held_back: false }
    }

    /// The host that must take the lock before any other may, while it has not.
    pub(super) fn leader(&self) -> Option<&'a NodeName> {
        let first = self.order.iter().copied().find(|host| !self.given_up.contains(host))?;
        (!self.held.contains_key(first)).then_some(first)
    }

    /// Whether a host may be changed now. When it may not, that is remembered.
    pub(super) fn may(&mut self, host: &NodeName) -> bool {
        let may = self.leader().is_none_or(|leader| leader == host);
        self.held_back |= !may;
        may
    }

    /// Whether an exec that changes the host must take the lock, because it never did or the lease is half over.
    pub(super) fn needs(&self, host: &NodeName, now: Duration) -> bool {
        let half = Duration::from_secs(u64::from(self.run.lease)) / 2;
        self.held.get(host).is_none_or(|since| now.saturating_sub(*since) >= half)
    }

    /// A host has been heard to take the lock. True when that lets the others go.
    pub(super) fn took(&mut self, host: &'a NodeName, now: Duration) -> bool {
        let led = self.leader() == Some(host);
        self.held.insert(host, now);
        led
    }

    /// A host is out of the order. True when another one leads now.
    pub(super) fn give_up(&mut self, host: &'a NodeName) -> bool {
        let led = self.leader() == Some(host);
        self.given_up.insert(host);
        led
    }

    /// The step that takes the lock on a host.
    pub(super) fn taking(&self, host: &NodeName) -> ExecStep {
        let lease = Lease {
            holder: self.run.holder.clone(),
            cluster: self.plan.cluster.clone(),
            seconds: self.run.lease,
            dead: self.run.dead.clone(),
        };
        let id = StepId::new(host, "take the cluster lock");
        ExecStep { id, op: HostOp::TakeLock(lease), was: Condition::Holds, own: None, bodies: Vec::new() }
    }
}
