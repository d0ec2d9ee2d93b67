//! Goes round: observe, plan, apply, until the world is as the file says or nothing gets better.
//!
//! Owns: when another round is worth it, and giving the cluster lock back. Must not: plan; that is the caller's
//! closure.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
};

use futures::future::{Either, select};
use model::{
    NodeName,
    event::{End, Outcome, What},
    facts::Facts,
    fault::HostFault,
    op::Survey,
    plan::{Act, Plan, StepId},
    reply::{Failure, FailureKind},
    report::{Finding, Report, Weight},
};

use crate::{Applied, Run, World, apply, observe, patience};

/// A plan that still is not empty when the world has been looked at this often is not getting anywhere.
const ROUNDS: u32 = 8;

/// Whether a plan may be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Carry it out.
    Go,
    /// Leave everything as it is; the run ends as interrupted.
    Stop,
    /// Leave everything as it is: what the report says forbids it.
    Refuse,
}

/// How a run ended, and what was known then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converged {
    /// How it ended.
    pub end: End,
    /// The last look at the world.
    pub facts: Facts,
    /// What the last plan leaves open.
    pub report: Report,
}

/// Brings the world to where the plan is empty, as far as that goes.
///
/// `plan` is asked once a round. `consent` is asked once, before the first plan that is not empty is carried out.
/// With nothing to do this costs one exec a host. After every application the world is looked at again, and the
/// cluster lock given back in the same exec.
pub async fn converge(
    world: &World<'_>,
    run: &Run,
    surveys: &BTreeMap<NodeName, Survey>,
    servers: &[NodeName],
    plan: &mut dyn FnMut(&Facts) -> (Plan, Report),
    consent: &mut dyn FnMut(&Plan, &Report, &Facts) -> Consent,
) -> Converged {
    let mut state = Converged { end: End::Interrupted, facts: Facts::default(), report: Report::default() };
    let mut history = History::default();
    for round in 1.. {
        world.tell(What::Round { round });
        let changed_before = history.last.is_some().then_some(run);
        let Some(facts) = sight(world, surveys, servers, changed_before).await else { break };
        state.facts = match changed_before {
            Some(run) => patience::wait(world, run, surveys, servers, &state.facts, facts).await,
            None => facts,
        };
        if world.halt.asked() {
            break;
        }
        let (next, report) = plan(&state.facts);
        history.tell(world, &next, &report);
        state.report = report;
        if let Some(end) = history.end(round, &next, &state.report) {
            state.end = end;
            break;
        }
        if round == 1 {
            match consent(&next, &state.report, &state.facts) {
                Consent::Go => {}
                Consent::Stop => break,
                Consent::Refuse => {
                    state.end = End::Open { weight: state.report.worst().unwrap_or(Weight::Refused) };
                    break;
                }
            }
        }
        history.note(&next, apply(world, run, &next).await);
    }
    world.tell(What::Over { end: state.end.clone() });
    state
}

/// Looks at the world. Nothing when the operator wants to stop meanwhile, unless the lock is to be given back.
async fn sight(
    world: &World<'_>,
    surveys: &BTreeMap<NodeName, Survey>,
    servers: &[NodeName],
    release: Option<&Run>,
) -> Option<Facts> {
    let looking = observe(world, surveys, servers, release);
    if release.is_some() {
        return Some(looking.await);
    }
    match select(pin!(looking), pin!(world.halted())).await {
        Either::Left((facts, _)) => Some(facts),
        Either::Right(_) => {
            world.tell(What::Stopping);
            None
        }
    }
}

/// What the rounds so far have shown.
#[derive(Default)]
struct History {
    /// Every step that was begun, or whose host did not answer.
    tried: BTreeSet<StepId>,
    /// Every step that ever failed, and whether its last failure may well pass.
    failed: BTreeMap<StepId, bool>,
    done: usize,
    changed: usize,
    /// The last application.
    last: Option<Applied>,
    /// Whether a round was repeated only because it had failed for a passing reason.
    repeated: bool,
    told: Vec<Finding>,
}

impl History {
    fn tell(&mut self, world: &World<'_>, plan: &Plan, report: &Report) {
        for finding in &report.findings {
            if !self.told.contains(finding) {
                self.told.push(finding.clone());
                world.tell(What::Found { finding: finding.clone() });
            }
        }
        world.tell(planned(plan));
    }

    fn note(&mut self, plan: &Plan, applied: Applied) {
        let begun = |id: &StepId| {
            !matches!(applied.outcomes.get(id), Some(Outcome::Blocked { .. } | Outcome::Stopped))
        };
        self.tried.extend(plan.steps.iter().map(|step| step.id.clone()).filter(begun));
        self.failed.extend(applied.failed().into_iter().map(|id| {
            let passes = passing_outcome(&applied.outcomes[&id]);
            (id, passes)
        }));
        self.done += applied.done();
        self.changed += applied.changed;
        self.last = Some(applied);
    }

    /// Whether a plan has a step that is worth a round: one that was not tried, nor stands behind one that failed for good.
    fn has_fresh(&self, plan: &Plan) -> bool {
        let mut behind: BTreeSet<&StepId> = BTreeSet::new();
        plan.steps.iter().any(|step| {
            let failed = self.failed.get(&step.id) == Some(&false);
            if failed || step.needs.iter().any(|need| behind.contains(need)) {
                behind.insert(&step.id);
                return false;
            }
            !self.tried.contains(&step.id)
        })
    }

    /// How the run ends with this plan; nothing when it is worth carrying out.
    fn end(&mut self, round: u32, plan: &Plan, report: &Report) -> Option<End> {
        if plan.is_empty() {
            let open = report.worst().filter(|weight| *weight >= Weight::Waits);
            return Some(match open {
                Some(weight) => End::Open { weight },
                None => End::Converged { done: self.done, changed: self.changed, rounds: round },
            });
        }
        let last = self.last.as_ref()?;
        let failed = last.failed();
        let fresh = self.has_fresh(plan);
        if failed.is_empty() {
            // A round may only have waited for what an earlier failure left behind (a guard that takes a change back).
            let old = plan.steps.iter().filter_map(|step| self.failed.get_key_value(&step.id));
            let old: BTreeMap<&StepId, &bool> = old.collect();
            if !old.is_empty() && !fresh {
                let again = old.values().all(|passes| **passes) && !self.repeated;
                self.repeated = true;
                return (!again).then(|| End::Failed { steps: old.into_keys().cloned().collect() });
            }
            // What is only waited for is nothing that changes again and again: a node that boots comes and goes for a while.
            let waits = plan.steps.iter().all(|step| matches!(step.act, Act::Wait { .. }));
            let spins = last.changed == 0 && !fresh && !waits;
            return (spins || round >= ROUNDS).then_some(End::Restless { rounds: round });
        }
        let again = passing(last) && !self.repeated;
        if round >= ROUNDS || locked(last) || !(fresh || again) {
            return Some(End::Failed { steps: failed });
        }
        self.repeated |= !fresh;
        None
    }
}

/// The event that tells of a plan.
pub(crate) fn planned(plan: &Plan) -> What {
    let mut hosts = BTreeMap::new();
    for step in &plan.steps {
        *hosts.entry(step.host.clone()).or_default() += 1;
    }
    What::Planned { steps: plan.steps.len(), hosts }
}

/// Whether all that failed may well succeed with a new plan.
fn passing(applied: &Applied) -> bool {
    applied.outcomes.values().all(passing_outcome)
}

/// Whether a step may well succeed with a new plan: the host was away for a while, or had changed in between.
fn passing_outcome(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Broken { fault: HostFault { cause, .. } }
        | Outcome::Dark { fault: HostFault { cause, .. } } => patience::passes(*cause),
        Outcome::Failed { failure: Failure { kind, .. } } => *kind == FailureKind::Conflict,
        _ => true,
    }
}

fn locked(applied: &Applied) -> bool {
    let held = |outcome: &Outcome| {
        matches!(outcome, Outcome::Failed { failure: Failure { kind: FailureKind::Locked, .. } })
    };
    applied.outcomes.values().any(held)
}
