//! Saved plans.

use engine::{Refusal, Saved, apply_saved};
use model::{
    event::End,
    facts::{Facts, HostFacts, Ownership, Seen},
    op::HostOp,
    plan::Act,
};

use crate::{
    fake::{Fake, run, surveys},
    plans::{file, host_facts, node, plan, step},
};

fn facts(change: impl Fn(&mut HostFacts)) -> Facts {
    let mut host = host_facts();
    change(&mut host);
    Facts { hosts: [(node("h1"), Seen::Known(host))].into(), ..Facts::default() }
}

fn owned_by(cluster: &str) -> impl Fn(&mut HostFacts) {
    let cluster = cluster.parse::<model::ClusterName>().expect("a name");
    move |host| {
        let owned = Ownership { cluster: cluster.clone(), id: "1f".into(), entries: [].into() };
        host.stable.owned = Some(owned);
    }
}

#[test]
fn a_saved_plan_is_carried_out_and_the_lock_given_back() {
    let fake = Fake::default();
    let saved = Saved::new(plan(vec![file("h1", "a", &[])]), &facts(|_| {}));
    let text = serde_json::to_string(&saved).expect("it serialises");
    let saved: Saved = serde_json::from_str(&text).expect("it can be read");
    let (world, run, surveys) = (fake.world(), run(), surveys(&["h1"]));
    let settled = fake.finish(apply_saved(&world, &run, &saved, &surveys, &[], &|_| None)).expect("it fits");
    assert_eq!(settled.end, End::Converged { done: 1, changed: 1, rounds: 1 });
    assert_eq!(settled.drifted, [node("h1")], "the plan has no fingerprint at all");
    assert_eq!(fake.story().last().expect("execs"), "h1 <- give back the cluster lock, observe");
}

#[test]
fn another_machine_of_the_same_name_is_refused() {
    let saved = Saved::new(plan(vec![file("h1", "a", &[])]), &facts(|_| {}));
    let other = facts(|host| host.stable.machine_id = Some("22bb".into()));
    assert_eq!(saved.fits(&other), Err(Refusal::Machine { host: node("h1") }));
}

#[test]
fn a_host_that_came_to_another_cluster_is_refused() {
    let saved = Saved::new(plan(vec![file("h1", "a", &[])]), &facts(|_| {}));
    let refusal = saved.fits(&facts(owned_by("other"))).expect_err("it is foreign");
    assert_eq!(
        refusal.to_string(),
        "h1 belongs to cluster other (1f), which it did not when the plan was made"
    );
}

#[test]
fn a_host_that_the_plan_itself_has_claimed_goes_on() {
    let claim = HostOp::Claim { cluster: "harbor".parse().expect("a name"), id: "1f".into(), instead: None };
    let saved = Saved::new(plan(vec![step("h1", "claim", Act::Host(claim), &[])]), &facts(|_| {}));
    assert_eq!(saved.fits(&facts(owned_by("harbor"))), Ok(()));
}

#[test]
fn a_plan_to_which_the_judge_objects_touches_nothing() {
    let fake = Fake::default();
    let saved = Saved::new(plan(vec![file("h1", "a", &[])]), &facts(|_| {}));
    let (world, run, surveys) = (fake.world(), run(), surveys(&["h1"]));
    let no = |_: &Facts| Some("h1 is needed".to_owned());
    let refusal =
        fake.finish(apply_saved(&world, &run, &saved, &surveys, &[], &no)).expect_err("it is refused");
    assert_eq!(refusal.to_string(), "the plan would break a rule as things stand now: h1 is needed");
    assert_eq!(fake.story(), ["h1 <- observe"]);
}

#[test]
fn a_plan_that_was_changed_after_it_was_saved_is_refused() {
    let mut saved = Saved::new(plan(vec![file("h1", "a", &[])]), &facts(|_| {}));
    saved.plan.steps[0].change.title.push('!');
    assert_eq!(saved.fits(&facts(|_| {})), Err(Refusal::Damaged));
}

#[test]
fn a_host_of_which_nothing_was_known_is_refused() {
    let saved = Saved::new(plan(vec![file("h1", "a", &[])]), &Facts::default());
    assert_eq!(saved.fits(&facts(|_| {})), Err(Refusal::Machine { host: node("h1") }));
}
