//! The operator's process may die anywhere, several times; running again converges.

use sim::Ran;

use crate::stage::{Stage, file};

/// Dies after every single thing heard from hosts, one run each; after each death a second run must converge.
fn dies_everywhere(text: &str, scripts_are_cut: bool) {
    let mut heard = 0;
    loop {
        let stage = Stage::new(text);
        stage.world.borrow_mut().cut_scripts(scripts_are_cut);
        stage.world.borrow_mut().die_after(heard);
        match stage.apply() {
            Ran::Died => {}
            Ran::Done(_) => break,
            Ran::Stuck { at, why } => panic!("after {heard}: stuck at {at:?}: {why}\n{}", stage.last_words()),
        }
        let again = stage.apply();
        let fine =
            matches!(&again, Ran::Done(done) if matches!(done.end, model::event::End::Converged { .. }));
        assert!(fine, "died after {heard}: {:?}\n{}", again.done().map(|done| done.end), stage.last_words());
        stage.is_settled();
        assert_eq!(stage.world.borrow().clusters_alive(), 1, "died after {heard}");
        heard += 1;
    }
    assert!(heard > 50, "the run ended after {heard} words: too short to be the whole story");
}

#[test]
fn dying_at_every_step_of_founding_three_servers_and_an_agent_is_mended_by_running_again() {
    dies_everywhere(&file(3, 1, ""), false);
}

#[test]
fn so_it_is_when_scripts_die_with_their_operator() {
    dies_everywhere(&file(2, 1, "kubernetes: {datastore: etcd}\nnetwork: {cni: flannel}"), true);
}

#[test]
fn dying_at_every_step_of_a_new_version_is_mended_by_running_again() {
    let old = file(3, 1, "kubernetes: {version: v1.36.3+k3s1}");
    let new = file(3, 1, "kubernetes: {version: v1.36.4+k3s1}");
    for heard in 0.. {
        let mut stage = Stage::new(&old);
        stage.apply_to_the_end();
        stage.edit(&new);
        stage.world.borrow_mut().die_after(heard);
        match stage.apply() {
            Ran::Died => {}
            Ran::Done(_) => break,
            Ran::Stuck { at, why } => panic!("after {heard}: stuck at {at:?}: {why}\n{}", stage.last_words()),
        }
        stage.apply_to_the_end();
    }
}

#[test]
fn two_runs_that_each_claimed_one_host_make_one_cluster() {
    let stage = Stage::new(&file(2, 1, "kubernetes: {datastore: etcd}"));
    // The first run claims one host and dies; that host hangs while the second run claims the others.
    stage.fault("hang a1 at step a1: claim");
    stage.world.borrow_mut().die_after(8);
    let _ = stage.apply();
    stage.world.borrow_mut().die_after(u64::MAX);
    let _ = stage.apply();
    stage.fault("heal a1");
    stage.pass(60);
    let ids = |stage: &Stage| -> std::collections::BTreeSet<String> {
        let facts = stage.look();
        facts.hosts.keys().filter_map(|host| Some(facts.host(host)?.stable.owned.clone()?.id)).collect()
    };
    assert_eq!(ids(&stage).len(), 2, "the story is not the one it should be");
    stage.apply_to_the_end();
    assert_eq!(ids(&stage).len(), 1);
}

#[test]
fn repeating_any_step_changes_nothing() {
    let stage = Stage::new(&file(3, 1, "os: {motd: hello, sysctls: {vm.swappiness: 10}}"));
    let (plan, ..) = stage.plan();
    let first = stage.carry_out(&plan).done().unwrap();
    assert!(first.failed().is_empty(), "{}", stage.last_words());
    stage.told.0.borrow_mut().clear();
    let second = stage.carry_out(&plan).done().unwrap();
    assert!(second.failed().is_empty(), "{}", stage.last_words());
    // A guard that was armed and disarmed is armed again, sshd reloads what it already has; nothing else moves.
    let changed: Vec<_> = stage
        .outcomes()
        .into_iter()
        .filter(|(_, outcome)| *outcome == model::event::Outcome::Changed)
        .map(|(step, _)| step)
        .filter(|step| !step.contains("guard") && !step.contains("reload sshd"))
        .collect();
    assert_eq!(changed, [""; 0]);
    stage.is_unharmed();
}
