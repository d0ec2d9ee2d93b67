//! `coracle check`.

use crate::desk::{Desk, SMALL};

#[test]
fn a_right_file_is_summed_up_on_one_line() {
    let done = Desk::quickstart().run(&["check"]);
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    assert!(done.out.starts_with("✓ harbor: 3 servers, 0 agents, k3s v1."), "{}", done.out);
}

#[test]
fn every_error_is_shown_at_once_with_its_place_and_what_to_write() {
    let wrong = SMALL.replace("role: server", "rolle: server").replace("metadata", "metdata");
    let done = Desk::with(&wrong).run(&["check"]);
    assert_eq!((done.code, done.out.as_str()), (65, ""));
    for part in ["coracle.yaml:3:1", "coracle.yaml:7:24", "did you mean", "error: coracle.yaml has "] {
        assert!(done.err.contains(part), "{part:?} is not in\n{}", done.err);
    }
}

#[test]
fn programs_get_the_same_as_json_with_a_schema_version() {
    let done = Desk::with(&SMALL.replace("server", "captain")).run(&["check", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&done.out).expect("one JSON document");
    assert_eq!((done.code, &json["schema"], &json["kind"]), (65, &1.into(), &"check".into()));
    assert_eq!(json["diagnostics"][0]["code"], "unknown-value");
    assert_eq!(json["diagnostics"][0]["labels"][0]["line"], 7);
}

#[test]
fn variables_come_from_the_environment() {
    let text = SMALL.replace("root@192.168.1.11", "\"root@${ADDRESS}\"");
    assert_eq!(Desk::with(&text).env("ADDRESS", "10.0.0.1").run(&["check"]).code, 0);
    let unset = Desk::with(&text).run(&["check"]);
    assert!(unset.code == 65 && unset.err.contains("unset-variable"), "{}", unset.err);
}

#[test]
fn a_dash_reads_standard_input() {
    let done = Desk::new().run_with_input(&["check", "-f", "-"], SMALL);
    assert_eq!((done.code, done.err.as_str()), (0, ""));
    let wrong = Desk::new().run_with_input(&["-f-", "check"], "kind: [");
    assert!(wrong.code == 65 && wrong.err.contains("standard input:1"), "{}", wrong.err);
}

#[test]
fn of_several_clusters_one_is_chosen_by_name() {
    let two = format!("{SMALL}---\n{}", SMALL.replace("harbor", "quay").replace("1.11", "1.12"));
    let desk = Desk::with(&two);
    assert_eq!(desk.run(&["check"]).out.lines().count(), 2);
    let done = desk.run(&["render", "out"]);
    assert!(done.code == 64 && done.err.contains("--cluster: harbor, quay"), "{}", done.err);
    assert_eq!(desk.run(&["render", "out", "--cluster", "quay"]).code, 0);
    assert!(desk.path("out/quay-1").is_dir() && !desk.path("out/harbor-1").exists());
}

#[test]
fn a_misspelt_key_is_one_error() {
    let done = Desk::with(&SMALL.replace("role:", "rol:")).run(&["check"]);
    assert_eq!(done.err.matches("error[").count(), 1, "{}", done.err);
    assert!(done.err.contains("did you mean `role`?"), "{}", done.err);
}

#[test]
fn a_variable_in_a_secrets_place_is_refused_whether_it_is_set_or_not() {
    let text = SMALL.replace("spec:\n", "spec:\n  os: {files: [{path: /etc/app, secret: \"${S3}\"}]}\n");
    for desk in [Desk::with(&text), Desk::with(&text).env("S3", "hunter2")] {
        let done = desk.run(&["check"]);
        assert!(done.code == 65 && done.err.contains("error[secret-in-plain-text]"), "{}", done.err);
        assert!(!done.err.contains("unset-variable") && !done.err.contains("hunter2"), "{}", done.err);
    }
}
