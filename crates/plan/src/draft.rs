//! A plan in the making.
//!
//! Owns: step names, the rule that a host is claimed before anything is placed on it, and the final order. Must not:
//! know what any step is for.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    condition::Condition,
    facts::Facts,
    op::{HostOp, KubeOp},
    plan::{Act, Await, Change, ChangeKind, Plan, Step, StepId},
    report::{Finding, Report},
};
use spec::name::{ClusterName, NodeName};
use std::time::Duration;

use crate::site::Site;

/// A plan in the making.
pub(crate) struct Draft {
    steps: Vec<Step>,
    names: BTreeSet<StepId>,
    claims: BTreeMap<NodeName, StepId>,
    findings: Vec<Finding>,
}

/// A step before it has its place.
pub(crate) struct Work {
    pub act: Act,
    pub was: Condition,
    pub own: bool,
    pub change: Change,
}

impl Work {
    /// An operation on the host that records nothing.
    pub(crate) fn host(op: HostOp, change: Change) -> Self {
        Self { act: Act::Host(op), was: Condition::Holds, own: false, change }
    }

    /// An operation on the Kubernetes API.
    pub(crate) fn kube(op: KubeOp, change: Change) -> Self {
        Self { act: Act::Kube(op), was: Condition::Holds, own: false, change }
    }

    /// A wait.
    pub(crate) fn wait(until: Await, limit: Duration) -> Self {
        let change = Change::new(ChangeKind::Run, format!("wait until {until}"));
        Self { act: Act::Wait { until, limit }, was: Condition::Holds, own: false, change }
    }

    /// What it places is owned from then on.
    pub(crate) fn owned(mut self) -> Self {
        self.own = true;
        self
    }

    /// What must hold before.
    pub(crate) fn was(mut self, was: Condition) -> Self {
        self.was = was;
        self
    }
}

impl Draft {
    pub(crate) fn new() -> Self {
        Self { steps: Vec::new(), names: BTreeSet::new(), claims: BTreeMap::new(), findings: Vec::new() }
    }

    pub(crate) fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Adds a step and says its name. `what` is unique on its host.
    pub(crate) fn add(&mut self, site: &Site<'_>, what: &str, work: Work, needs: &[StepId]) -> StepId {
        let mut needs = needs.to_vec();
        if matches!(&work.act, Act::Host(op) if !op.only_reads()) {
            needs.extend(self.claim(site));
        }
        self.push(&site.node.name, what, work, needs)
    }

    /// Adds a step about a host that need not have answered.
    pub(crate) fn add_about(&mut self, host: &NodeName, what: &str, work: Work, needs: &[StepId]) -> StepId {
        self.push(host, what, work, needs.to_vec())
    }

    /// Tells a step that puts a file which content a later step puts in its place.
    pub(crate) fn supersede(&mut self, id: &StepId, by: &model::digest::Sha256) {
        for step in self.steps.iter_mut().filter(|step| step.id == *id) {
            if let Act::Host(HostOp::PutFile { later, .. }) = &mut step.act {
                *later = Some(by.clone());
            }
        }
    }

    /// Whether there is a step of this name yet.
    pub(crate) fn has(&self, id: &StepId) -> bool {
        self.names.contains(id)
    }

    fn push(&mut self, host: &NodeName, what: &str, work: Work, mut needs: Vec<StepId>) -> StepId {
        let id = StepId::new(host, what);
        debug_assert!(!self.names.contains(&id), "two steps named {id}");
        needs.sort();
        needs.dedup();
        self.names.insert(id.clone());
        let Work { act, was, own, change } = work;
        self.steps.push(Step { id: id.clone(), host: host.clone(), act, was, own, needs, change });
        id
    }

    /// The step that claims the host, made when the first mutating step needs it and the host is not claimed yet.
    fn claim(&mut self, site: &Site<'_>) -> Option<StepId> {
        let claim = site.claim.as_ref()?;
        let host = &site.node.name;
        if let Some(known) = self.claims.get(host) {
            return Some(known.clone());
        }
        let op = HostOp::Claim {
            cluster: site.cluster.clone(),
            id: claim.id.clone(),
            instead: claim.instead.clone(),
        };
        let change =
            Change::new(ChangeKind::Add, format!("mark the host as part of cluster {}", site.cluster));
        let step = self.push(host, "claim", Work::host(op, change), Vec::new());
        self.claims.insert(host.clone(), step.clone());
        Some(step)
    }

    /// The plan. `servers` are those whose API endpoint may be asked, in the order to try.
    pub(crate) fn finish(
        self,
        cluster: &ClusterName,
        facts: &Facts,
        servers: Vec<NodeName>,
    ) -> (Plan, Report) {
        let Self { steps, mut findings, .. } = self;
        let fingerprint = facts.fingerprint();
        let plan = Plan { version: Plan::VERSION, cluster: cluster.clone(), fingerprint, servers, steps };
        findings.sort_by(|a, b| (&a.host, b.weight, &a.code).cmp(&(&b.host, a.weight, &b.code)));
        (plan, Report { findings })
    }
}
