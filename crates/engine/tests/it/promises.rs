//! What holds for every plan and every fault.

use std::{collections::BTreeMap, time::Duration};

use engine::{Applied, apply};
use model::{
    event::{Event, Outcome, What},
    plan::{Act, Await, Plan, Step, StepId},
    reply::FailureKind,
    secret::SecretSource,
};
use proptest::prelude::*;

use crate::{
    fake::{Fake, Turn, run},
    plans::{arm, file, id, kube, node, nodes, plan, prove, read, ready, secret_of},
};

/// A step by numbers: host, kind, and which earlier steps it needs.
type Draft = (usize, usize, Vec<prop::sample::Index>);

fn drafted(drafts: &[Draft]) -> Plan {
    let mut steps: Vec<Step> = Vec::new();
    for (number, (host, kind, needs)) in drafts.iter().enumerate() {
        let (host, what) = (format!("h{}", host + 1), format!("s{number}"));
        let needs: Vec<_> =
            if steps.is_empty() { Vec::new() } else { needs.iter().map(|i| i.get(&steps)).collect() };
        let secret = steps.iter().rfind(|step| step.id.as_str().contains("read"));
        let next = match (kind, secret) {
            (0, _) => read(&host, &format!("read {what}"), &needs),
            (1, Some(from)) => secret_of(&host, &what, from),
            (2, _) => kube(&host, &what, &needs),
            (3, _) => ready(&host, &what, 30, &needs),
            (4, _) => prove(&host, &what, &needs),
            (5, _) => arm(&host, &what, 60),
            _ => file(&host, &what, &needs),
        };
        steps.push(next);
    }
    plan(steps)
}

fn turns() -> impl Strategy<Value = Turn> {
    prop_oneof![
        Just(Turn::Fail(FailureKind::Command)),
        Just(Turn::LoseBefore),
        Just(Turn::LoseAfter),
        Just(Turn::Die),
        Just(Turn::Mute),
    ]
}

fn drafts() -> impl Strategy<Value = Vec<Draft>> {
    let needs = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
    prop::collection::vec((0..3_usize, 0..10_usize, needs), 1..14)
}

type Faults = Vec<(prop::sample::Index, Turn)>;

fn faults() -> impl Strategy<Value = Faults> {
    prop::collection::vec((any::<prop::sample::Index>(), turns()), 0..4)
}

fn world(plan: &Plan, faults: &Faults, halt: Option<u64>) -> Fake {
    let fake = Fake::default();
    *fake.kube.borrow_mut() = vec![(Duration::from_secs(4), nodes(&[("h1", true), ("h2", true)]))];
    fake.halt_at.set(halt.map(Duration::from_millis));
    faults.iter().fold(fake, |fake, (step, turn)| fake.turn(&step.get(&plan.steps).id, turn.clone()))
}

fn carried_out(plan: &Plan, faults: &Faults, halt: Option<u64>) -> (Applied, Vec<Event>, Fake) {
    let fake = world(plan, faults, halt);
    let applied = fake.finish(apply(&fake.world(), &run(), plan));
    let events = fake.events.take();
    (applied, events, fake)
}

fn each_step_ends_once(plan: &Plan, applied: &Applied, events: &[Event]) {
    let mut ended = BTreeMap::new();
    for event in events {
        if let What::Ended { step, outcome, .. } = &event.what {
            assert!(ended.insert(step.clone(), outcome.clone()).is_none(), "{step} ends twice");
        }
    }
    assert_eq!(ended, applied.outcomes);
    assert_eq!(ended.len(), plan.steps.len());
}

fn no_step_begins_before_its_needs(plan: &Plan, events: &[Event]) {
    let mut good = Vec::new();
    for event in events {
        match &event.what {
            What::Began { step, .. } => {
                let needs = &plan.step(step).expect("a step of the plan").needs;
                assert!(needs.iter().all(|need| good.contains(need)), "{step} begins too early");
            }
            What::Ended { step, outcome, .. } if outcome.is_good() => good.push(step.clone()),
            _ => {}
        }
    }
}

/// The first step of an exec could not have gone in the host's exec before: something it needs ended only after
/// that had begun, and somewhere else, or as a secret that had to be known first.
fn no_exec_was_cut_short(plan: &Plan, events: &[Event], fake: &Fake) {
    let ended: BTreeMap<_, _> = events
        .iter()
        .filter_map(|event| match &event.what {
            What::Ended { step, .. } => Some((step.clone(), event.at)),
            _ => None,
        })
        .collect();
    let mut before = BTreeMap::new();
    for (at, host, names) in fake.execs.borrow().iter() {
        let first = names.iter().find_map(|name| plan.step(&id(host, name)));
        if let (Some(begun), Some(first)) = (before.insert(host.clone(), *at), first) {
            let elsewhere = |need: &&StepId| {
                let need = plan.step(need).expect("a step of the plan");
                need.host != first.host || !matches!(need.act, Act::Host(_)) || is_source(first, need)
            };
            let waited = |need: &StepId| ended[need] >= begun;
            let sources = plan.steps.iter().filter(|step| is_source(first, step)).map(|step| &step.id);
            let reason = first.needs.iter().chain(sources).filter(elsewhere).any(waited);
            assert!(reason, "{} could have gone before: {:?}", first.id, fake.story());
        }
    }
}

fn is_source(step: &Step, source: &Step) -> bool {
    let Act::Host(op) = &step.act else { return false };
    let from = SecretSource::Step(source.id.clone());
    op.content().is_some_and(|content| content.sources().any(|source| *source == from))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_step_ends_once_and_none_begins_before_its_needs(
        drafts in drafts(), faults in faults(), halt in prop::option::of(0..6_000_u64),
    ) {
        let plan = drafted(&drafts);
        let (applied, events, fake) = carried_out(&plan, &faults, halt);
        each_step_ends_once(&plan, &applied, &events);
        no_step_begins_before_its_needs(&plan, &events);
        prop_assert!(fake.clock.now() < Duration::from_mins(2));
    }

    #[test]
    fn a_step_is_worked_on_once_unless_a_connection_was_lost(drafts in drafts(), faults in faults()) {
        let plan = drafted(&drafts);
        let (_, _, fake) = carried_out(&plan, &faults, None);
        let lost = faults.iter().any(|(_, turn)| matches!(turn, Turn::LoseAfter));
        let worked = fake.worked.borrow();
        prop_assert!(lost || worked.values().all(|times| *times == 1), "{:?}", worked);
        prop_assert!(worked.values().all(|times| *times <= 2));
    }

    #[test]
    fn nothing_is_begun_after_the_wish_to_stop(drafts in drafts(), halt in 0..3_000_u64) {
        let plan = drafted(&drafts);
        let (_, _, fake) = carried_out(&plan, &Vec::new(), Some(halt));
        let late = fake.execs.borrow().iter().any(|(at, ..)| *at > Duration::from_millis(halt));
        prop_assert!(!late, "{:?}", fake.execs.borrow());
    }

    #[test]
    fn the_same_answers_give_the_same_run(drafts in drafts(), faults in faults()) {
        let plan = drafted(&drafts);
        prop_assert_eq!(carried_out(&plan, &faults, None).1, carried_out(&plan, &faults, None).1);
    }

    #[test]
    fn a_run_may_be_dropped_anywhere(drafts in drafts(), faults in faults(), polls in 1..60_usize) {
        let plan = drafted(&drafts);
        let fake = world(&plan, &faults, None);
        let _dropped = fake.clock.run(apply(&fake.world(), &run(), &plan), polls);
        no_step_begins_before_its_needs(&plan, &fake.events.borrow());
    }

    #[test]
    fn without_faults_all_goes_well_and_no_exec_was_cut_short(drafts in drafts()) {
        let mut plan = drafted(&drafts);
        for step in &mut plan.steps {
            if let Act::Wait { until, .. } = &mut step.act {
                *until = Await::NodeReady(node("h1"), None);
            }
        }
        let (applied, events, fake) = carried_out(&plan, &Vec::new(), None);
        prop_assert!(applied.outcomes.values().all(Outcome::is_good), "{:?}", fake.ended());
        no_exec_was_cut_short(&plan, &events, &fake);
    }
}
