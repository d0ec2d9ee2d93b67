//! Standard output carries data only; colours and redrawing are for terminals.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use crate::desk::Desk;

#[test]
fn nothing_is_coloured_into_a_pipe_unless_asked_for() {
    let desk = Desk::with("kind: Cluster\n");
    assert!(!desk.run(&["check"]).err.contains('\u{1b}'));
    assert!(desk.run(&["check", "--color", "always"]).err.contains('\u{1b}'));
    let forced = Desk::with("kind: Cluster\n").env("CLICOLOR_FORCE", "1");
    assert!(forced.run(&["check"]).err.contains('\u{1b}'));
    let never = forced.env("NO_COLOR", "1");
    assert!(!never.run(&["check"]).err.contains('\u{1b}'));
    assert!(never.run(&["check", "--color=always"]).err.contains('\u{1b}'));
}

#[test]
fn a_reader_that_goes_away_is_no_failure_and_no_panic() {
    let desk = Desk::quickstart();
    for args in [&["schema"][..], &["rehearse", "-o", "json"], &["man"], &["completions", "zsh"]] {
        let mut command = desk.command(args);
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("coracle starts");
        let mut reader = BufReader::with_capacity(16, child.stdout.take().expect("it was piped"));
        reader.read_until(b'\n', &mut Vec::new()).expect("a first line");
        drop(reader);
        let output = child.wait_with_output().expect("coracle ends");
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), err.as_ref()), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn the_stream_for_programs_is_lines_of_json_that_all_carry_the_schema_version() {
    let done = Desk::quickstart().run(&["rehearse", "-o", "json"]);
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    let lines: Vec<serde_json::Value> =
        done.out.lines().map(|line| serde_json::from_str(line).expect("a JSON document a line")).collect();
    assert!(lines.iter().all(|line| line["schema"] == 1));
    let kinds: Vec<_> = lines.iter().filter_map(|line| line["kind"].as_str()).collect();
    assert_eq!(kinds, ["plan", "result"]);
    let last = lines.last().expect("there are lines");
    assert_eq!(last["end"]["is"], "converged");
    assert_eq!(last["nodes"].as_array().map(Vec::len), Some(3));
    assert!(lines.iter().any(|line| line["what"]["event"] == "ended"));
}

#[test]
fn help_that_cannot_be_written_is_no_success() {
    for args in [&["--help"][..], &["--version"], &["plan", "--help"], &["schema"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
        let done = Desk::new().command(args).stdout(full).output().expect("coracle starts");
        assert_eq!(done.status.code(), Some(74), "{args:?}");
        assert!(String::from_utf8_lossy(&done.stderr).contains("cannot write to standard output"));
    }
}
