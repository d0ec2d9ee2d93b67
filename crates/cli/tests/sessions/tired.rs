//! What a tired person types, and what he is told.

use crate::desk::{Desk, SMALL};

#[test]
fn tabs_instead_of_blanks() {
    let done = Desk::with(&SMALL.replace("    -", "\t-")).run(&["check"]);
    assert!(done.code == 65 && done.err.contains("tab"), "{}", done.err);
}

#[test]
fn the_wrong_file_altogether() {
    let done = Desk::with("services:\n  web:\n    image: nginx\n").run(&["check"]);
    assert!(done.code == 65 && done.err.contains("kind"), "{}", done.err);
}

#[test]
fn a_password_where_a_reference_belongs_is_not_repeated() {
    let text = format!(
        "{SMALL}  kubernetes:\n    datastore: {{external: {{endpoint: \"postgres://me:hunter2@db/k3s\"}}}}\n"
    );
    let done = Desk::with(&text).run(&["check"]);
    assert!(done.code == 65 && !done.err.contains("hunter2"), "{}", done.err);
    assert!(done.err.contains("{env:"), "{}", done.err);
}

#[test]
fn the_file_as_an_argument() {
    let done = Desk::with(SMALL).run(&["check", "coracle.yaml"]);
    assert_eq!(done.code, 64);
    assert!(done.err.contains("coracle.yaml"), "{}", done.err);
}

#[test]
fn one_letter_off() {
    let done = Desk::with(SMALL).run(&["aply"]);
    assert!(done.code == 64 && done.err.contains("'apply'"), "{}", done.err);
    let done = Desk::with(&SMALL.replace("v1alpha1", "v1")).run(&["check"]);
    assert!(done.code == 65 && done.err.contains("coracle.dev/v1alpha1"), "{}", done.err);
}
