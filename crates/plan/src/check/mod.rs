//! An independent judge of finished plans. Knows nothing of how plans are made; the planner may not use it.
//!
//! For each step, every step that is not ordered against it may be not begun, half done or done. The rules here are
//! written so that the worst of these still keeps what must be kept.

mod guard;
mod order;
mod server;

use model::{
    facts::Facts,
    plan::{Plan, StepId},
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Something that a plan must not do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Objection {
    /// The rule that is broken, kebab-case.
    pub rule: &'static str,
    /// The steps that break it together.
    pub steps: Vec<StepId>,
    /// How, in one sentence.
    pub text: String,
}

/// Judges a plan against the facts it was made from. An empty answer means that it may be carried out.
pub fn check(plan: &Plan, facts: &Facts) -> Vec<Objection> {
    let graph = Graph::of(plan);
    let mut objections = order::judge(plan, &graph);
    if objections.is_empty() {
        objections.extend(guard::judge(plan, &graph));
        objections.extend(server::judge(plan, facts, &graph));
    }
    objections
}

/// For every step, all steps that certainly lie before it.
pub(crate) struct Graph<'a> {
    before: BTreeMap<&'a StepId, BTreeSet<&'a StepId>>,
}

impl<'a> Graph<'a> {
    fn of(plan: &'a Plan) -> Self {
        let mut before: BTreeMap<&StepId, BTreeSet<&StepId>> = BTreeMap::new();
        for step in &plan.steps {
            let mut all: BTreeSet<&StepId> = BTreeSet::new();
            for need in &step.needs {
                all.insert(need);
                if let Some(further) = before.get(need) {
                    all.extend(further.iter().copied());
                }
            }
            before.insert(&step.id, all);
        }
        Self { before }
    }

    /// Whether `first` certainly lies before `second`.
    pub(crate) fn orders(&self, first: &StepId, second: &StepId) -> bool {
        self.before.get(second).is_some_and(|all| all.contains(first))
    }
}
