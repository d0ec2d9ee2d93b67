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

#[test]
fn as_many_steps_are_done_as_were_announced() {
    let done = Desk::quickstart().run(&["rehearse"]);
    let number = |before: &str| {
        let line = done.err.lines().find(|line| line.contains(before)).expect("it is told");
        let words: Vec<_> = line.split_whitespace().collect();
        words[words.iter().position(|word| *word == "steps").expect("steps") - 1].to_owned()
    };
    assert_eq!(number("converged:"), number("▸"), "{}", done.err);
}

#[test]
fn a_failed_step_is_told_as_a_sentence() {
    let done = Desk::quickstart().run(&["rehearse", "--fault", "fill harbor-2 at 0s"]);
    assert_eq!(done.code, 73, "{}", done.err);
    assert!(!done.err.contains(": claim:") && !done.err.contains("✗ claim"), "{}", done.err);
    assert!(done.err.contains("part of cluster harbor"), "{}", done.err);
}

#[test]
fn a_fault_that_never_strikes_is_told() {
    let never =
        ["reboot harbor-2 at 2h", "reboot harbor-2 after 5000 steps", "reboot harbor-2 at step no-such"];
    for fault in never {
        let done = Desk::quickstart().run(&["rehearse", "--fault", fault]);
        assert_eq!(done.code, 0, "{}", done.err);
        assert!(done.err.contains("one fault did not strike (harbor-2 reboots)"), "{fault}: {}", done.err);
    }
    let done = Desk::quickstart().run(&["rehearse", "--fault", "reboot harbor-2 at 30s"]);
    assert!(!done.err.contains("did not strike"), "{}", done.err);
}

#[test]
fn a_world_saved_while_a_host_boots_goes_on_with_that_host_up() {
    let desk = Desk::quickstart();
    assert_eq!(desk.run(&["rehearse", "--save", "founded"]).code, 0);
    let args = ["rehearse", "--from", "founded", "--fault", "reboot harbor-3 at 0s", "--save", "booting"];
    assert_eq!(desk.run(&args).code, 69, "the look finds a host that boots");
    let done = desk.run(&["rehearse", "--from", "booting"]);
    assert_eq!(done.code, 0, "{}", done.err);
}

#[test]
fn a_lock_that_names_one_file_for_all_processors_is_rehearsed() {
    let desk = Desk::quickstart();
    let digest = "0123456789abcdef".repeat(4);
    let artifacts = ["amd64", "arm64", "armhf", "s390x"]
        .map(|arch| format!(r#""{arch}":{{"name":"k3s","sha256":"{digest}"}}"#));
    let lock = format!(r#"{{"version":1,"k3s":{{"v1.36.4+k3s1":{{{}}}}}}}"#, artifacts.join(","));
    desk.write("coracle.lock", &lock);
    let done = desk.run(&["rehearse"]);
    assert_eq!(done.code, 0, "{}", done.err);
}
