//! The scripts as text.

#![allow(clippy::print_stdout, reason = "absent tools are named")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests run shellcheck on real files")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn scripts() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/scripts");
    let mut found: Vec<_> =
        fs::read_dir(dir).expect("there").map(|entry| entry.expect("readable").path()).collect();
    found.sort();
    found
}

#[test]
fn shellcheck_has_nothing_to_say() {
    if Command::new("shellcheck").arg("--version").output().is_err() {
        println!("not here, not tested: shellcheck");
        return;
    }
    let output =
        Command::new("shellcheck").args(["--shell=sh", "--"]).args(scripts()).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn every_script_says_what_it_is_for_and_keeps_to_its_line() {
    for path in scripts() {
        let text = fs::read_to_string(&path).expect("readable");
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        let second = text.lines().nth(1).unwrap_or_default();
        assert!(second.starts_with("# "), "{name}: its second line says what it is for");
        // What a script does not have everywhere, or must never do.
        for bad in [
            "[[",
            "function ",
            "local ",
            "echo -",
            "which ",
            " -printf",
            "$RANDOM",
            "base64",
            "python",
            "perl ",
        ] {
            let mut code = text.lines().filter(|line| !line.trim_start().starts_with('#'));
            assert!(!code.any(|line| line.contains(bad)), "{name} has {bad:?}");
        }
    }
}
