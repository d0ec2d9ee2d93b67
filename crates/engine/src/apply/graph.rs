//! The shape of a plan, by position instead of by name.
//!
//! Owns: who needs whom, and naming a plan that is not in order. Must not: know how far the plan has come (`board`).

use std::collections::{BTreeMap, BTreeSet};

use model::{
    NodeName,
    op::HostOp,
    plan::{Act, Plan, Step, StepId},
    secret::SecretSource,
};

/// A plan's steps and how they hang together. Positions are those in the plan.
pub(super) struct Graph<'p> {
    /// The plan's steps.
    pub(super) steps: &'p [Step],
    /// What each step needs.
    pub(super) needs: Vec<BTreeSet<usize>>,
    /// Which of those must have answered before the step can even be sent, because its content is made of theirs.
    pub(super) sources: Vec<BTreeSet<usize>>,
    /// Which steps need each step.
    pub(super) dependents: Vec<Vec<usize>>,
    /// The steps of each host that go there in execs, in plan order.
    pub(super) execs: BTreeMap<&'p NodeName, Vec<usize>>,
    /// Steps that cannot be placed, with the reason. No plan of the planner has any.
    pub(super) flaws: BTreeMap<usize, String>,
}

impl<'p> Graph<'p> {
    /// The graph of this plan.
    pub(super) fn new(plan: &'p Plan) -> Self {
        let mut graph = Self {
            steps: &plan.steps,
            needs: Vec::new(),
            sources: Vec::new(),
            dependents: vec![Vec::new(); plan.steps.len()],
            execs: BTreeMap::new(),
            flaws: BTreeMap::new(),
        };
        let mut earlier = BTreeMap::new();
        for (place, step) in plan.steps.iter().enumerate() {
            graph.add(place, step, &earlier);
            if earlier.insert(&step.id, place).is_some() {
                graph.flaws.insert(place, format!("the plan names \"{}\" twice", step.id));
            }
        }
        graph
    }

    fn add(&mut self, place: usize, step: &'p Step, earlier: &BTreeMap<&StepId, usize>) {
        let sources: BTreeSet<_> = content_sources(step).filter_map(|id| earlier.get(id).copied()).collect();
        let mut needs = sources.clone();
        for id in &step.needs {
            if let Some(need) = earlier.get(id) {
                needs.insert(*need);
            } else {
                self.flaws.insert(place, format!("it needs \"{id}\", which does not stand before it"));
            }
        }
        for need in &needs {
            self.dependents[*need].push(place);
        }
        if matches!(step.act, Act::Host(_)) {
            self.execs.entry(&step.host).or_default().push(place);
        }
        self.needs.push(needs);
        self.sources.push(sources);
    }

    /// The operation of a step that goes to its host in an exec.
    pub(super) fn op(&self, place: usize) -> Option<&'p HostOp> {
        match &self.steps[place].act {
            Act::Host(op) => Some(op),
            _ => None,
        }
    }

    /// Seconds after which the guard that stands before a proof fires.
    pub(super) fn guard_window(&self, proof: usize) -> Option<u32> {
        match self.op(self.arming(proof)?)? {
            HostOp::ArmGuard(guard) => Some(guard.window),
            _ => None,
        }
    }

    /// The step that arms the guard which this step helps to end, where it does.
    pub(super) fn guard_ended_by(&self, place: usize) -> Option<usize> {
        let ends = matches!(&self.steps[place].act, Act::Prove | Act::Host(HostOp::DisarmGuard { .. }));
        ends.then(|| self.arming(place)).flatten()
    }

    /// The nearest arming of a guard on the same host that a step stands behind.
    fn arming(&self, of: usize) -> Option<usize> {
        let host = &self.steps[of].host;
        let mut seen = BTreeSet::new();
        let mut open: Vec<_> = self.needs[of].iter().copied().collect();
        while let Some(place) = open.pop() {
            if !seen.insert(place) || self.steps[place].host != *host {
                continue;
            }
            if let Some(HostOp::ArmGuard(_)) = self.op(place) {
                return Some(place);
            }
            open.extend(&self.needs[place]);
        }
        None
    }
}

fn content_sources(step: &Step) -> impl Iterator<Item = &StepId> {
    let content = match &step.act {
        Act::Host(op) => op.content(),
        _ => None,
    };
    content.into_iter().flat_map(model::secret::Content::sources).filter_map(|source| match source {
        SecretSource::Step(id) => Some(id),
        SecretSource::Operator(_) => None,
    })
}
