//! Stages, the lock, failures and lost connections.

use std::time::Duration;

use engine::apply;
use model::{event::Outcome, plan::Act, reply::FailureKind};

use crate::{
    fake::{Fake, Turn, run},
    plans::{
        arm, file, id, is_blocked_by, kube, node, nodes, plan, prove, read, ready, secret_env, secret_of,
        step,
    },
};

#[test]
fn a_stage_ends_only_where_one_host_waits_for_another() {
    let a = file("h1", "a", &[]);
    let b = file("h1", "b", &[&a]);
    let c = file("h2", "c", &[&b]);
    let d = file("h1", "d", &[&c]);
    let fake = Fake::default();
    let applied = fake.finish(apply(&fake.world(), &run(), &plan(vec![a, b, c, d])));
    assert_eq!(applied.changed, 4);
    insta::assert_snapshot!(fake.story().join("\n"), @r"
    h1 <- take the cluster lock, a, b
    h2 <- take the cluster lock, c
    h1 <- d
    ");
}

#[test]
fn the_first_host_in_name_order_takes_the_lock_before_any_other_is_changed() {
    let steps = vec![file("h3", "a", &[]), read("h2", "r", &[]), file("h2", "b", &[]), file("h1", "c", &[])];
    let fake = Fake::default();
    fake.finish(apply(&fake.world(), &run(), &plan(steps)));
    let began: Vec<_> =
        fake.execs.borrow().iter().map(|(at, host, _)| (at.as_millis(), host.clone())).collect();
    assert_eq!(began, [(0, "h1".into()), (120, "h2".into()), (120, "h3".into())]);
    assert_eq!(fake.story()[1], "h2 <- r, take the cluster lock, b");
}

#[test]
fn a_first_host_that_must_wait_for_others_takes_the_lock_alone() {
    let there = file("h2", "a", &[]);
    let here = file("h1", "b", &[&there]);
    let fake = Fake::default();
    fake.finish(apply(&fake.world(), &run(), &plan(vec![there, here])));
    insta::assert_snapshot!(fake.story().join("\n"), @r"
    h1 <- take the cluster lock
    h2 <- take the cluster lock, a
    h1 <- b
    ");
}

#[test]
fn a_cluster_locked_by_another_run_is_left_alone() {
    let steps = vec![file("h1", "a", &[]), file("h1", "b", &[]), file("h2", "c", &[])];
    let fake = Fake::default();
    fake.locked.borrow_mut().insert(node("h1"));
    fake.finish(apply(&fake.world(), &run(), &plan(steps)));
    insta::assert_snapshot!(fake.ended().join("\n"), @r"
    h1: a: failed locked: held by you@there since noon
    h1: b: blocked by h1: a
    h2: c: blocked by h1: a
    ");
    assert_eq!(fake.execs.borrow().len(), 1);
}

#[test]
fn a_dark_first_host_does_not_keep_the_others() {
    let steps = vec![file("h1", "a", &[]), file("h2", "b", &[])];
    let fake = Fake::default();
    fake.dead.borrow_mut().insert(node("h1"));
    fake.finish(apply(&fake.world(), &run(), &plan(steps)));
    assert_eq!(fake.ended(), ["h1: a: dark: timed out", "h2: b: changed"]);
}

#[test]
fn a_lock_is_taken_again_when_half_its_lease_is_over() {
    let first = file("h1", "a", &[]);
    let wait = ready("h1", "ready", 600, &[&first]);
    let second = file("h1", "b", &[&wait]);
    let fake = Fake::default();
    *fake.kube.borrow_mut() = vec![(Duration::from_mins(9), nodes(&[("h1", true)]))];
    fake.finish(apply(&fake.world(), &run(), &plan(vec![first, wait, second])));
    assert_eq!(fake.story()[1], "h1 <- take the cluster lock, b");
}

#[test]
fn a_host_whose_lock_cannot_be_taken_is_left_to_itself() {
    let steps = vec![file("h1", "a", &[]), file("h2", "b", &[])];
    let lock = id("h1", "take the cluster lock");
    let fake = Fake::default().turn(&lock, Turn::Fail(FailureKind::DiskFull));
    fake.finish(apply(&fake.world(), &run(), &plan(steps)));
    assert_eq!(fake.ended(), ["h1: a: failed disk-full: no such file", "h2: b: changed"]);
}

#[test]
fn a_failed_step_blocks_those_that_need_it_and_nothing_else() {
    let a = file("h1", "a", &[]);
    let b = file("h1", "b", &[&a]);
    let c = kube("h2", "c", &[&b]);
    let d = file("h1", "d", &[]);
    let fake = Fake::default().turn(&a.id, Turn::Fail(FailureKind::Command));
    let (blocker, steps) = (a.id.clone(), vec![a, b, c, d]);
    let applied = fake.finish(apply(&fake.world(), &run(), &plan(steps)));
    assert!(is_blocked_by(&applied.outcomes[&id("h2", "c")], &blocker), "the root is named");
    insta::assert_snapshot!(fake.ended().join("\n"), @r"
    h1: a: failed command: no such file
    h1: b: blocked by h1: a
    h2: c: blocked by h1: a
    h1: d: changed
    ");
    insta::assert_snapshot!(fake.story().join("\n"), @r"
    h1 <- take the cluster lock, a, b, d
    h1 <- d
    ");
}

#[test]
fn after_a_lost_connection_the_rest_of_a_stage_goes_again() {
    let (a, b) = (file("h1", "a", &[]), file("h1", "b", &[]));
    let fake = Fake::default().turn(&b.id, Turn::LoseAfter);
    fake.finish(apply(&fake.world(), &run(), &plan(vec![a, b])));
    assert_eq!(fake.story(), ["h1 <- take the cluster lock, a, b", "h1 <- b"]);
    assert_eq!(fake.ended(), ["h1: a: changed", "h1: b: unchanged"]);
}

#[test]
fn a_connection_that_is_lost_twice_leaves_its_host_dark() {
    let steps = vec![file("h1", "a", &[]), file("h1", "b", &[]), file("h2", "c", &[])];
    let fake = Fake::default().turn(&steps[0].id, Turn::LoseAfter).turn(&steps[0].id, Turn::LoseAfter);
    fake.finish(apply(&fake.world(), &run(), &plan(steps)));
    insta::assert_snapshot!(fake.ended().join("\n"), @r"
    h2: c: changed
    h1: a: broken: connection lost: h1 hung up
    h1: b: dark: connection lost: h1 hung up
    ");
}

#[test]
fn a_host_that_dies_breaks_what_runs_and_blocks_who_needs_it() {
    let a = file("h1", "a", &[]);
    let b = file("h1", "b", &[]);
    let c = file("h2", "c", &[&b]);
    let fake = Fake::default().turn(&a.id, Turn::Die);
    fake.finish(apply(&fake.world(), &run(), &plan(vec![a, b, c])));
    insta::assert_snapshot!(fake.ended().join("\n"), @r"
    h1: a: broken: timed out: no answer
    h1: b: dark: timed out: no answer
    h2: c: blocked by h1: b
    ");
}

#[test]
fn an_exec_that_leaves_a_step_out_is_out_of_protocol() {
    let a = file("h1", "a", &[]);
    let fake = Fake::default().turn(&a.id, Turn::Mute);
    fake.finish(apply(&fake.world(), &run(), &plan(vec![a])));
    assert_eq!(fake.ended(), [r#"h1: a: dark: answered out of protocol: no answer for "h1: a""#]);
}

#[test]
fn a_secret_reply_reaches_the_files_made_of_it_in_a_later_exec() {
    let token = read("h1", "token", &[]);
    let (here, there) = (secret_of("h1", "here", &token), secret_of("h2", "there", &token));
    let fake = Fake::default();
    fake.finish(apply(&fake.world(), &run(), &plan(vec![token, here, there])));
    insta::assert_snapshot!(fake.story().join("\n"), @r"
    h1 <- token
    h1 <- take the cluster lock, here
    h2 <- take the cluster lock, there
    ");
    let bodies = fake.bodies.borrow();
    assert_eq!(bodies[&id("h2", "there")], [crate::fake::SECRET.as_bytes()]);
}

#[test]
fn a_secret_that_is_not_at_hand_fails_its_step_and_says_which() {
    let steps = vec![secret_env("h1", "a", "UNSET"), secret_env("h1", "b", "SET")];
    let fake = Fake::default();
    fake.finish(apply(&fake.world(), &run(), &plan(steps)));
    assert_eq!(fake.ended(), ["h1: a: failed missing: env UNSET is not set", "h1: b: changed"]);
}

#[test]
fn a_secret_that_a_host_repeats_is_struck_out() {
    let step = secret_env("h1", "a", "SET");
    let fake = Fake::default().turn(&step.id, Turn::Fail(FailureKind::Command));
    fake.finish(apply(&fake.world(), &run(), &plan(vec![step])));
    assert_eq!(fake.ended(), ["h1: a: failed command: no such file: ‹secret›"]);
}

#[test]
fn a_login_is_proven_between_the_change_and_the_end_of_its_guard() {
    let armed = arm("h1", "arm", 60);
    let change = file("h1", "sshd", &[&armed]);
    let proof = prove("h1", "prove", &[&change]);
    let op = model::op::HostOp::DisarmGuard { id: "g".into() };
    let disarm = step("h1", "disarm", Act::Host(op), &[&proof]);
    let fake = Fake::default();
    fake.refused_logins.set(2);
    let steps = vec![armed, change, proof, disarm];
    fake.finish(apply(&fake.world(), &run(), &plan(steps.clone())));
    assert_eq!(fake.story(), ["h1 <- take the cluster lock, arm, sshd", "h1 <- disarm"]);

    let shut_out = Fake::default();
    shut_out.refused_logins.set(99);
    let applied = shut_out.finish(apply(&shut_out.world(), &run(), &plan(steps)));
    assert_eq!(shut_out.story().len(), 1, "the guard stays armed");
    let Outcome::Failed { failure } = &applied.outcomes[&id("h1", "prove")] else { panic!("it fails") };
    assert_eq!(failure.kind, FailureKind::Access);
}

#[test]
fn a_plan_out_of_order_fails_without_touching_anything() {
    let late = file("h1", "late", &[]);
    let early = file("h1", "early", &[&late]);
    let fake = Fake::default();
    fake.finish(apply(&fake.world(), &run(), &plan(vec![early, late])));
    assert!(fake.ended()[0].starts_with("h1: early: failed conflict: the plan is out of order"));
    assert_eq!(fake.story(), ["h1 <- take the cluster lock, late"]);
}
