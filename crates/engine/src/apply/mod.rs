//! Carries a plan out: walks its graph, as much at once as the graph allows.
//!
//! Owns: what goes when. A stage is all the steps of one host that can go in one exec; one exec at a time a host,
//! any number of hosts. Waits, proofs and API calls go beside them. Must not: choose what is done; the plan has.

mod board;
mod graph;
mod lock;
mod news;
mod prove;
mod revert;
mod send;
mod stage;
mod start;
mod walk;
mod watch;

use std::collections::BTreeMap;

use model::{
    event::Outcome,
    plan::{Plan, StepId},
};

use crate::{Run, World};

/// What became of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// How each step ended.
    pub outcomes: BTreeMap<StepId, Outcome>,
    /// How many steps changed something.
    pub changed: usize,
    /// Whether the operator stopped it.
    pub halted: bool,
}

impl Applied {
    /// How many steps ended well, whether they changed something or found it done.
    pub fn done(&self) -> usize {
        self.outcomes.values().filter(|outcome| outcome.is_good()).count()
    }

    /// Steps that failed or broke; where there are none, those whose hosts did not answer.
    pub fn failed(&self) -> Vec<StepId> {
        let named = |wanted: fn(&Outcome) -> bool| {
            let steps = self.outcomes.iter().filter(|(_, outcome)| wanted(outcome));
            steps.map(|(id, _)| id.clone()).collect::<Vec<_>>()
        };
        let failed = named(|outcome| matches!(outcome, Outcome::Failed { .. } | Outcome::Broken { .. }));
        if failed.is_empty() { named(|outcome| matches!(outcome, Outcome::Dark { .. })) } else { failed }
    }
}

/// Carries out every step of a plan that can be carried out. Each step ends with exactly one event and outcome.
///
/// A step that fails blocks those that need it and nothing else. A host that stops answering loses the rest of its
/// steps; after a lost connection it is asked once more first. When the operator wants to stop, nothing new is
/// begun, waiting ends at once, and execs that run are let end.
pub async fn apply(world: &World<'_>, run: &Run, plan: &Plan) -> Applied {
    let inbox = news::Inbox::default();
    walk::Walk::new(world, run, plan, &inbox).walk().await
}
