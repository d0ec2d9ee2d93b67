//! Every documented exit code that can be reached without hosts.

use std::os::unix::fs::PermissionsExt as _;

use crate::desk::{Desk, SMALL};

#[test]
fn the_arguments_are_wrong_64() {
    let desk = Desk::with(SMALL);
    for args in [
        &["chek"][..],
        &[],
        &["check", "--colour"],
        &["check", "-o", "yaml"],
        &["rehearse", "--fault", "sink harbor-1"],
        &["rehearse", "--fault", "reboot harbor-9"],
        &["render", "out", "--on", "nobody"],
        &["check", "--on", "@"],
        &["render", "out", "--cluster", "quay"],
        &["apply"],
        &["destroy"],
        &["destroy", "--confirm", "quay"],
        &["init", "-f", "new.yaml"],
        &["init", "--name", "Not_A_Name", "root@10.0.0.1", "-f", "new.yaml"],
        &["init", "--servers", "2", "root@10.0.0.1", "-f", "new.yaml"],
    ] {
        let done = desk.run(args);
        assert_eq!((done.code, done.out.as_str()), (64, ""), "{args:?}: {}", done.err);
        assert!(!done.err.is_empty(), "{args:?}");
    }
}

#[test]
fn nobody_is_here_to_say_yes_so_nothing_is_touched() {
    let done = Desk::with(SMALL).run(&["apply"]);
    insta::assert_snapshot!(done.err, @r"
    error: this would change machines, and nobody is here to be asked
     hint: run it in a terminal, or say yes beforehand with --yes
     hint: `coracle plan` shows what would change
    ");
    let done = Desk::with(SMALL).run(&["destroy", "--yes"]);
    assert!(done.code == 64 && done.err.contains("--yes is not enough"), "{}", done.err);
}

#[test]
fn a_file_is_wrong_65() {
    let desk = Desk::with(SMALL);
    desk.write("wrong", "{\"version\": 7}");
    assert_eq!(desk.run(&["check", "-f", "wrong"]).code, 65);
    let plan = desk.run(&["apply", "--yes", "wrong"]);
    assert!(plan.code == 65 && plan.err.contains("wrong is not a plan"), "{}", plan.err);
    let world = desk.run(&["rehearse", "--from", "wrong"]);
    assert!(world.code == 65 && world.err.contains("wrong is no world"), "{}", world.err);
    desk.write("coracle.lock", "{\"version\": 7, \"k3s\": {}}");
    let lock = desk.run(&["rehearse"]);
    assert!(lock.code == 65 && lock.err.contains("version 7"), "{}", lock.err);
}

#[test]
fn a_file_cannot_be_read_66() {
    let done = Desk::new().run(&["check"]);
    assert_eq!(done.code, 66);
    assert!(done.err.contains("coracle.yaml") && done.err.contains("coracle init"), "{}", done.err);
    assert_eq!(Desk::new().run(&["check", "-f", "no/such.yaml"]).code, 66);
    assert_eq!(Desk::with(SMALL).run(&["apply", "--yes", "no.plan"]).code, 66);
}

#[test]
fn a_file_cannot_be_written_74() {
    let desk = Desk::with(SMALL);
    desk.write("file", "");
    for args in [
        &["render", "file"][..],
        &["man", "file/below"],
        &["init", "--offline", "root@10.0.0.1", "-f", "file/below"],
    ] {
        let done = desk.run(args);
        assert!(done.code == 74 && done.err.contains("file"), "{args:?}: {} {}", done.code, done.err);
    }
    let there = desk.run(&["init", "root@10.0.0.1"]);
    assert!(there.code == 74 && there.err.contains("--force"), "{}", there.err);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let status = desk.command(&["schema"]).stdout(full).status().expect("coracle starts");
    assert_eq!(status.code(), Some(74));
}

#[test]
fn help_and_version_are_no_errors() {
    let desk = Desk::new();
    for args in [&["--help"][..], &["-h"], &["--version"], &["rehearse", "--help"]] {
        let done = desk.run(args);
        assert_eq!((done.code, done.err.as_str()), (0, ""), "{args:?}");
        assert!(!done.out.is_empty());
    }
    assert_eq!(desk.run(&["--version"]).out, format!("coracle {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn saved_worlds_are_for_their_owner_alone() {
    let desk = Desk::quickstart();
    assert_eq!(desk.run(&["rehearse", "--save", "after.world"]).code, 0);
    let mode = std::fs::metadata(desk.path("after.world")).expect("it was saved").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = desk.run(&["rehearse", "--from", "after.world"]);
    assert_eq!(again.code, 0, "{}", again.err);
    assert!(again.err.contains("nothing to do"), "{}", again.err);
}
