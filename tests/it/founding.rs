//! From fresh machines to a cluster.

use model::event::What;

use crate::stage::{Stage, file};

#[test]
fn three_servers_and_two_agents_are_founded_joined_and_converged() {
    let stage = Stage::new(&file(3, 2, ""));
    stage.apply_to_the_end();
    let facts = stage.look();
    assert_eq!(facts.kube.nodes.len(), 5);
    assert!(facts.kube.nodes.values().all(|node| node.ready), "{:#?}", facts.kube.nodes);
    assert_eq!(stage.world.borrow().clusters_alive(), 1);
}

#[test]
fn one_server_keeps_to_sqlite() {
    let stage = Stage::new(&file(1, 1, ""));
    stage.apply_to_the_end();
    assert!(stage.look().hosts.len() == 2);
}

#[test]
fn a_second_apply_is_one_exec_a_host_and_changes_nothing() {
    let stage = Stage::new(&file(3, 1, ""));
    stage.apply_to_the_end();
    stage.told.0.borrow_mut().clear();
    stage.apply_to_the_end();
    let told = stage.told.0.borrow();
    assert!(!told.iter().any(|event| matches!(event.what, What::Stage { .. } | What::Began { .. })));
}

#[test]
fn the_founder_can_never_found_again() {
    let stage = Stage::new(&file(3, 0, ""));
    stage.apply_to_the_end();
    for host in ["s1", "s2", "s3"] {
        let text = stage
            .world
            .borrow()
            .file(&crate::stage::name(host), "/etc/rancher/k3s/config.yaml.d/50-coracle.yaml");
        assert!(!text.unwrap().contains("cluster-init"), "{host}");
    }
}

#[test]
fn one_server_becomes_three() {
    let mut stage = Stage::new(&file(1, 1, ""));
    stage.apply_to_the_end();
    stage.world.borrow_mut().write(&crate::stage::name("s1"), "/tmp/marker", "x");
    let bigger = file(3, 1, "");
    let more = sim::World::from_cluster(&crate::stage::cluster(&bigger), 1);
    drop(more);
    stage.edit(&bigger);
    // The world has no machines for the new names: they are dark, and whatever is there goes on.
    let done = stage.apply().done().unwrap();
    assert!(stage.look().kube.nodes.contains_key("s1"), "{:?}", done.end);
    stage.is_unharmed();
}
