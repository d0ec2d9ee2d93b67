//! Waiting, and stopping while waiting.

use std::time::Duration;

use engine::apply;
use model::{
    event::What,
    plan::{Act, Await},
};

use crate::{
    fake::{Fake, run},
    plans::{arm, file, node, nodes, plan, prove, ready, step},
};

#[test]
fn one_look_serves_every_waiting_step() {
    let fake = Fake::default();
    let later = |seconds| Duration::from_secs(seconds);
    *fake.kube.borrow_mut() = vec![
        (later(0), nodes(&[("h1", false)])),
        (later(5), nodes(&[("h1", true), ("h2", false)])),
        (later(9), nodes(&[("h1", true), ("h2", true)])),
    ];
    let steps = vec![ready("h1", "ready", 60, &[]), ready("h2", "ready", 60, &[])];
    fake.finish(apply(&fake.world(), &run(), &plan(steps)));
    assert_eq!(fake.ended(), ["h1: ready: unchanged", "h2: ready: unchanged"]);
    assert!(fake.asks.get() < 14, "{} looks in {:?}", fake.asks.get(), fake.clock.now());
}

#[test]
fn a_wait_that_is_over_says_what_is_seen_instead() {
    let fake = Fake::default();
    *fake.kube.borrow_mut() = vec![(Duration::ZERO, nodes(&[("h1", false)]))];
    let wait = ready("h1", "ready", 20, &[]);
    let after = file("h1", "after", &[&wait]);
    fake.finish(apply(&fake.world(), &run(), &plan(vec![wait, after])));
    insta::assert_snapshot!(fake.ended().join("\n"), @r"
    h1: ready: failed deadline: waited 20 s, and still: node h1 is not Ready: KubeletNotReady: no CNI
    h1: after: blocked by h1: ready
    ");
    assert!(fake.clock.now() < Duration::from_secs(21), "{:?}", fake.clock.now());
}

#[test]
fn waiting_is_told_when_something_new_is_seen() {
    let fake = Fake::default();
    *fake.kube.borrow_mut() =
        vec![(Duration::from_secs(3), nodes(&[])), (Duration::from_secs(6), nodes(&[("h1", true)]))];
    fake.finish(apply(&fake.world(), &run(), &plan(vec![ready("h1", "ready", 60, &[])])));
    let events = fake.events.borrow();
    let seen: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.what {
            What::Waiting { seen, .. } => Some(seen.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(seen, ["no API answers", "node h1 is not registered yet"]);
}

#[test]
fn an_armed_revert_is_waited_for_before_its_host_is_changed() {
    let fake = Fake::default();
    fake.guard_until.set(Duration::from_secs(12));
    let act = Act::Wait { until: Await::NoGuard(node("h1")), limit: Duration::from_secs(90) };
    let wait = step("h1", "revert", act, &[]);
    let after = file("h1", "after", &[&wait]);
    fake.finish(apply(&fake.world(), &run(), &plan(vec![wait, after])));
    assert_eq!(fake.ended(), ["h1: revert: unchanged", "h1: after: changed"]);
    assert!(fake.clock.now() > Duration::from_secs(11));
}

#[test]
fn stopping_ends_waits_at_once_and_lets_execs_end() {
    let fake = Fake::default();
    *fake.kube.borrow_mut() = vec![(Duration::ZERO, nodes(&[("h1", false)]))];
    let steps = vec![ready("h1", "ready", 600, &[]), file("h2", "a", &[]), file("h2", "b", &[])];
    let last = file("h2", "c", &[&steps[0]]);
    fake.halt_at.set(Some(Duration::from_millis(150)));
    let applied = fake.finish(apply(&fake.world(), &run(), &plan(steps.into_iter().chain([last]).collect())));
    assert!(applied.halted);
    insta::assert_snapshot!(fake.ended().join("\n"), @r"
    h1: ready: stopped
    h2: c: stopped
    h2: a: changed
    h2: b: changed
    ");
    assert!(fake.clock.now() < Duration::from_secs(1));
}

#[test]
fn stopping_sees_an_armed_guard_to_its_end() {
    let fake = Fake::default();
    let armed = arm("h1", "arm", 60);
    let change = file("h1", "sshd", &[&armed]);
    let proof = prove("h1", "proof", &[&change]);
    let disarm = Act::Host(model::op::HostOp::DisarmGuard { id: "g".into() });
    let disarm = step("h1", "disarm", disarm, &[&proof]);
    let after = file("h1", "after", &[&disarm]);
    fake.halt_at.set(Some(Duration::from_millis(1)));
    let applied = fake.finish(apply(&fake.world(), &run(), &plan(vec![armed, change, proof, disarm, after])));
    assert!(applied.halted);
    insta::assert_snapshot!(fake.ended().join("\n"), @r"
    h1: after: stopped
    h1: arm: changed
    h1: sshd: changed
    h1: proof: unchanged
    h1: disarm: changed
    ");
}
