//! Runs that do not end by themselves.

use std::{thread, time::Duration};

use rustix::process::Signal;

use crate::{
    api::Api,
    file::ClusterFile,
    lab::Lab,
    operator::{Operator, ended},
};

#[test]
fn a_founding_that_is_killed_again_and_again_converges() {
    founding_under_fire("killed-1", 1);
}

#[test]
fn and_so_it_does_when_killed_at_other_moments() {
    founding_under_fire("killed-2", 2);
}

/// Kills runs at moments that the seed chooses, then lets one end.
fn founding_under_fire(story: &str, seed: u32) {
    let Some(lab) = Lab::find() else { return };
    let lent = lab.lend(&["curl", "curl"]);
    let [server, agent] = &lent.hosts[..] else { unreachable!("two were asked for") };
    let operator = Operator::new(lab, story);
    operator.wants(
        &ClusterFile::new(lab, story).kubernetes("datastore: etcd").server("ops", server).agent("ops", agent),
    );
    let mut state = seed;
    for _ in 0..8 {
        state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        let moment = Duration::from_millis(u64::from(250 + (state >> 16) % 2750));
        let apply = operator.start(&["apply", "--yes"], "");
        thread::sleep(moment);
        apply.signal(Signal::KILL);
        let code = apply.wait().code;
        println!("killed after {moment:?}: {code:?}");
        assert!(matches!(code, None | Some(0)), "it ended with {code:?} by itself");
    }
    operator.ends(0, &["apply", "--yes"]);
    Api::of(&operator).all_ready(&[&server.name, &agent.name]);
    operator.ends(0, &["plan"]);
    operator.leaves_no_secret(&lent);
}

#[test]
fn ctrl_c_lets_the_running_step_end_and_the_next_run_goes_on() {
    let Some(lab) = Lab::find() else { return };
    let lent = lab.lend(&["curl", "curl"]);
    let [server, agent] = &lent.hosts[..] else { unreachable!("two were asked for") };
    let operator = Operator::new(lab, "interrupted");
    operator.wants(&ClusterFile::new(lab, "interrupted").server("root", server).agent("ops", agent));
    for step in ["arm guard", "k3s binary", "start k3s-agent"] {
        let mut apply = operator.start(&["apply", "--yes", "-o", "json"], "");
        apply.hears(|event| ended(event, step)).expect("it gets there");
        apply.signal(Signal::INT);
        let done = apply.wait().ends(130);
        let begun = done.events().iter().filter(|event| event["what"]["event"] == "began").count();
        let over = done.events().iter().filter(|event| event["what"]["event"] == "ended").count();
        assert!(over >= begun, "{begun} steps began, {over} ended");
    }
    operator.ends(0, &["apply", "--yes"]);
    Api::of(&operator).all_ready(&[&server.name, &agent.name]);
    operator.leaves_no_secret(&lent);
}
