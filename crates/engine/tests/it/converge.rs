//! Going round.

use std::{cell::RefCell, time::Duration};

use engine::{Consent, Converged, converge};
use model::{
    event::End,
    plan::{Plan, Step},
    reply::FailureKind,
    report::{Finding, Report, Weight},
};

use crate::{
    fake::{Fake, Turn, run, surveys},
    plans::{file, id, known, node, plan},
};

/// Runs with these plans, one a round; the last one for ever.
fn go(fake: &Fake, plans: &[Vec<Step>]) -> (Converged, u32) {
    let left = RefCell::new(plans.to_vec());
    let mut asked = 0;
    let mut next = |_: &_| {
        let mut left = left.borrow_mut();
        let steps = if left.len() > 1 { left.remove(0) } else { left[0].clone() };
        (plan(steps), Report::default())
    };
    let mut consent = |_: &Plan, _: &_, _: &_| {
        asked += 1;
        Consent::Go
    };
    let surveys = surveys(&["h1", "h2"]);
    let (world, run) = (fake.world(), run());
    let converged = fake.finish(converge(&world, &run, &surveys, &[node("h1")], &mut next, &mut consent));
    (converged, asked)
}

#[test]
fn nothing_to_do_is_one_exec_a_host() {
    let fake = Fake::default();
    let (converged, asked) = go(&fake, &[vec![]]);
    assert_eq!(converged.end, End::Converged { done: 0, changed: 0, rounds: 1 });
    assert_eq!((fake.story(), asked), (vec!["h1 <- observe".to_owned(), "h2 <- observe".to_owned()], 0));
    assert_eq!(known(&converged.facts), [&node("h1"), &node("h2")]);
}

#[test]
fn the_lock_is_given_back_in_the_last_look() {
    let fake = Fake::default();
    let (converged, asked) = go(&fake, &[vec![file("h1", "a", &[])], vec![]]);
    assert_eq!((converged.end, asked), (End::Converged { done: 1, changed: 1, rounds: 2 }, 1));
    insta::assert_snapshot!(fake.story().join("\n"), @r"
    h1 <- observe
    h2 <- observe
    h1 <- take the cluster lock, a
    h1 <- give back the cluster lock, observe
    h2 <- give back the cluster lock, observe
    ");
}

#[test]
fn without_consent_nothing_is_changed() {
    let fake = Fake::default();
    let (world, run, surveys) = (fake.world(), run(), surveys(&["h1"]));
    let mut plans = |_: &_| (plan(vec![file("h1", "a", &[])]), Report::default());
    let mut no = |_: &_, _: &_, _: &_| Consent::Stop;
    let converged = fake.finish(converge(&world, &run, &surveys, &[], &mut plans, &mut no));
    assert_eq!((converged.end, fake.execs.borrow().len()), (End::Interrupted, 1));
}

#[test]
fn a_step_that_fails_is_not_tried_again_for_nothing() {
    let a = file("h1", "a", &[]);
    let fake = Fake::default().turn(&a.id, Turn::Fail(FailureKind::Command));
    let (converged, _) = go(&fake, &[vec![a]]);
    assert_eq!(converged.end, End::Failed { steps: vec![id("h1", "a")] });
    assert_eq!(fake.story().iter().filter(|line| line.ends_with(" a")).count(), 1);
}

#[test]
fn what_stands_behind_a_step_that_fails_is_no_reason_to_try_it_again() {
    let a = file("h1", "a", &[]);
    let (b, c) = (file("h1", "b", &[&a]), file("h2", "c", &[&a]));
    let fake = Fake::default().turn(&a.id, Turn::Fail(FailureKind::Checksum));
    let (converged, _) = go(&fake, &[vec![a, b, c]]);
    assert_eq!(converged.end, End::Failed { steps: vec![id("h1", "a")] });
    assert_eq!(fake.story().iter().filter(|line| line.contains(" a")).count(), 1);
}

#[test]
fn a_failure_does_not_keep_new_steps_from_being_tried() {
    let (a, b) = (file("h1", "a", &[]), file("h2", "b", &[]));
    let fake = Fake::default().turn(&a.id, Turn::Fail(FailureKind::Command));
    let (converged, _) = go(&fake, &[vec![a.clone()], vec![a, b], vec![]]);
    assert_eq!(converged.end, End::Converged { done: 2, changed: 2, rounds: 3 });
}

#[test]
fn a_passing_fault_is_worth_one_more_round() {
    let a = file("h1", "a", &[]);
    let lose = |fake: Fake| fake.turn(&a.id, Turn::LoseBefore);
    let twice = lose(lose(Fake::default()));
    assert_eq!(
        go(&twice, &[vec![a.clone()], vec![a.clone()], vec![]]).0.end,
        End::Converged { done: 1, changed: 1, rounds: 3 }
    );
    let often = (0..4).fold(Fake::default(), |fake, _| lose(fake));
    assert_eq!(go(&often, &[vec![a.clone()]]).0.end, End::Failed { steps: vec![a.id.clone()] });
}

#[test]
fn what_changed_in_between_is_planned_again() {
    let a = file("h1", "a", &[]);
    let fake = Fake::default().turn(&a.id, Turn::Fail(FailureKind::Conflict));
    assert_eq!(
        go(&fake, &[vec![a.clone()], vec![a], vec![]]).0.end,
        End::Converged { done: 1, changed: 1, rounds: 3 }
    );
}

#[test]
fn a_plan_that_never_ends_is_restless() {
    let fake = Fake::default();
    let (converged, _) = go(&fake, &[vec![file("h1", "a", &[])]]);
    assert_eq!(converged.end, End::Restless { rounds: 3 }, "the second time nothing changes any more");
    let names = (0..20).map(|round| vec![file("h1", &format!("f{round}"), &[])]).collect::<Vec<_>>();
    assert_eq!(go(&Fake::default(), &names).0.end, End::Restless { rounds: 8 });
}

#[test]
fn what_waits_leaves_the_run_open() {
    let fake = Fake::default();
    let (world, run, surveys) = (fake.world(), run(), surveys(&["h1"]));
    let finding = Finding {
        host: None,
        code: "waits".into(),
        weight: Weight::Waits,
        text: "waits for a CNI".into(),
        cure: "install one".into(),
    };
    let mut plans = |_: &_| (plan(vec![]), Report { findings: vec![finding.clone()] });
    let mut yes = |_: &_, _: &_, _: &_| Consent::Go;
    let converged = fake.finish(converge(&world, &run, &surveys, &[], &mut plans, &mut yes));
    assert_eq!(converged.end, End::Open { weight: Weight::Waits });
}

#[test]
fn stopping_gives_the_lock_back() {
    let fake = Fake::default();
    fake.halt_at.set(Some(Duration::from_millis(200)));
    let (converged, _) = go(&fake, &[vec![file("h1", "a", &[]), file("h2", "b", &[])]]);
    assert_eq!(converged.end, End::Interrupted);
    insta::assert_snapshot!(fake.story().join("\n"), @r"
    h1 <- observe
    h2 <- observe
    h1 <- take the cluster lock, a
    h1 <- give back the cluster lock, observe
    h2 <- give back the cluster lock, observe
    ");
}

#[test]
fn stopping_while_looking_ends_at_once() {
    let fake = Fake::default();
    fake.halt_at.set(Some(Duration::from_millis(10)));
    assert_eq!(go(&fake, &[vec![]]).0.end, End::Interrupted);
}
