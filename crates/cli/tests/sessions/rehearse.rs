//! `coracle rehearse`: README's first command, and the same with faults.

use crate::desk::Desk;

#[test]
fn three_servers_are_founded_joined_and_converged() {
    let done = Desk::quickstart().run(&["rehearse"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert_eq!(done.out.matches("Ready").count(), 3, "{}", done.out);
    assert_eq!(done.out.matches("voter").count(), 3, "{}", done.out);
    assert!(done.err.contains("Looking again finds nothing left to do"), "{}", done.err);
}

#[test]
fn the_same_seed_tells_the_same_story_in_another_process() {
    let tell = |seed: &str| {
        Desk::quickstart().run(&["rehearse", "--seed", seed, "--fault", "reboot harbor-2 at 40s", "-v"])
    };
    let first = tell("7");
    assert_eq!(first, tell("7"));
    assert_ne!(first.err, tell("8").err);
}

#[test]
fn an_operator_who_dies_on_the_way_goes_on_where_he_stopped() {
    for steps in [1, 20, 30, 45] {
        let done = Desk::quickstart().run(&["rehearse", "--fault", &format!("die after {steps} steps")]);
        assert_eq!(done.code, 0, "{steps}: {}", done.err);
        assert!(done.err.contains("the same command is run again"), "{}", done.err);
    }
}

#[test]
fn a_host_that_stays_down_is_named_and_the_others_go_on() {
    let done = Desk::quickstart().run(&["rehearse", "--fault", "kill harbor-3"]);
    assert_eq!(done.code, 69, "{}", done.err);
    assert!(done.err.contains("harbor-3"), "{}", done.err);
}

#[test]
fn a_host_that_refuses_is_77() {
    for fault in ["rekey harbor-1", "nosudo harbor-1", "foreign harbor-1"] {
        let desk = Desk::quickstart();
        desk.write("coracle.yaml", &desk.read("coracle.yaml").replace("root@", "ubuntu@"));
        let done = desk.run(&["rehearse", "--fault", fault]);
        assert_eq!(done.code, 77, "{fault}: {}", done.err);
        assert!(done.err.contains("harbor-1"), "{}", done.err);
    }
}

#[test]
fn a_node_that_a_saved_world_does_not_know_joins_as_an_empty_machine() {
    let desk = Desk::quickstart();
    assert_eq!(desk.run(&["rehearse", "--save", "world.json"]).code, 0);
    let file = desk.read("coracle.yaml") + "    - {name: harbor-4, role: agent, ssh: root@192.168.1.14}\n";
    desk.write("coracle.yaml", &file);
    let done = desk.run(&["rehearse", "--from", "world.json"]);
    assert_eq!(done.code, 0, "{}", done.err);
    assert!(
        done.err.contains("harbor-4 is not in that world: an empty machine stands for it"),
        "{}",
        done.err
    );
    assert_eq!(done.out.matches("Ready").count(), 4, "{}", done.out);
}

#[test]
fn a_refused_change_says_what_to_write_instead() {
    let desk = Desk::quickstart();
    assert_eq!(desk.run(&["rehearse", "--save", "world.json"]).code, 0);
    let file = desk.read("coracle.yaml").replace("spec:\n", "spec:\n  network: {podCidr: 10.52.0.0/16}\n");
    desk.write("coracle.yaml", &file);
    let done = desk.run(&["rehearse", "--from", "world.json"]);
    assert_eq!(done.code, 77, "{}", done.err);
    assert!(done.err.contains("`podCidr` in spec.network: the old value back"), "{}", done.err);
}
