//! A cluster that is given up leaves its hosts as they were.

use std::collections::BTreeMap;

use model::{NodeName, event::End, facts::FileFact};
use sim::Ran;

use crate::stage::{Stage, file};

/// What stands at every path that coracle looks at, after checking that nothing is owned.
fn disks(stage: &Stage) -> BTreeMap<NodeName, BTreeMap<String, FileFact>> {
    let facts = stage.look();
    let disk = |host: &NodeName| {
        let stable = &facts.host(host).expect("it answers").stable;
        assert_eq!(stable.owned, None, "{host}");
        stable.files.clone()
    };
    facts.hosts.keys().map(|host| (host.clone(), disk(host))).collect()
}

#[test]
fn dying_at_every_step_of_giving_a_cluster_up_is_mended_by_running_again() {
    let text = file(2, 1, "kubernetes: {datastore: etcd}");
    let mut heard = 0;
    loop {
        let stage = Stage::new(&text);
        let before = disks(&stage);
        stage.apply_to_the_end();
        stage.world.borrow_mut().die_after(heard);
        let ran = stage.give_up();
        if let Ran::Stuck { at, why } = &ran {
            panic!("after {heard}: stuck at {at:?}: {why}");
        }
        stage.world.borrow_mut().die_after(u64::MAX);
        let again = stage.give_up().done().expect("nobody kills it");
        let words = stage.last_words();
        assert!(matches!(again.end, End::Converged { .. }), "died after {heard}: {:?}\n{words}", again.end);
        assert_eq!(disks(&stage), before, "died after {heard}\n{words}");
        if matches!(ran, Ran::Done(_)) {
            break;
        }
        heard += 1;
    }
    assert!(heard > 50, "the run ended after {heard} words: too short to be the whole story");
}
