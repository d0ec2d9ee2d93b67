//! Lines of blocks that are not run here: whether what they name is there.

use std::fs;

use super::{desk::PageDesk, root};

/// Programs of the machine that pages use beside coracle.
const OTHERS: [&str; 9] = ["apt-get", "cd", "export", "git", "kubectl", "mkdir", "ssh", "go", "sed"];

/// Refuses to run what would reach for a network.
pub(super) fn may_run(body: &str) -> Result<(), String> {
    const OFFLINE: [&str; 9] =
        ["init", "check", "rehearse", "render", "schema", "completions", "man", "--version", "--help"];
    for line in body.lines() {
        let Some(typed) = coracle(line) else { continue };
        let verb = typed.split_whitespace().next().unwrap_or_default();
        let reaches = verb == "init" && !(typed.contains("--offline") && typed.contains("--no-lock"))
            || typed.contains("--from live")
            || !OFFLINE.contains(&verb);
        if reaches {
            return Err(format!(
                "{line:?} reaches for real machines: this is a block of the kind `sh hosts`"
            ));
        }
    }
    Ok(())
}

/// What is typed to coracle on this line.
fn coracle(line: &str) -> Option<&str> {
    line.strip_prefix("coracle ").or_else(|| line.split_once("-p coracle -- ").map(|(_, typed)| typed))
}

/// A line for real machines: the program reads it, and the lab plays its verb on its own.
pub(super) fn needs_hosts(desk: &PageDesk, line: &str) -> Result<(), String> {
    let Some(typed) = coracle(line) else { return is_there(desk, line) };
    desk.parses(&format!("coracle {typed}"))?;
    let verb = typed.split_whitespace().next().unwrap_or_default();
    let stories = root().join("lab/e2e/tests/lab");
    let stories =
        fs::read_dir(stories).expect("the lab's stories").map(|entry| entry.expect("a file").path());
    let mut texts = stories.map(|path| fs::read_to_string(path).expect("a story"));
    if texts.any(|text| text.contains(&format!("\"{verb}\""))) {
        return Ok(());
    }
    Err(format!("no story of the lab plays `coracle {verb}`"))
}

/// A line that works on this repository: every program, package, task and file it names is there.
pub(super) fn is_there(desk: &PageDesk, line: &str) -> Result<(), String> {
    if let Some(typed) = coracle(line) {
        return desk.parses(&format!("coracle {typed}"));
    }
    let plain = |word: &&str| !word.contains('=') || word.starts_with('-');
    let mut words = line.split_whitespace().skip_while(|word| !plain(word));
    match words.next() {
        Some("cargo") => cargo(&words.collect::<Vec<_>>()),
        Some(file) if file.contains('/') && root().join(file).exists() => Ok(()),
        Some(other) if OTHERS.contains(&other) => Ok(()),
        other => Err(format!("{other:?} is not there")),
    }
}

fn cargo(words: &[&str]) -> Result<(), String> {
    let after = |flag: &str| words.iter().skip_while(|word| **word != flag).nth(1);
    if let Some(package) = after("-p").filter(|package| **package != "CRATE") {
        let folder =
            if *package == "coracle" { "crates/cli".to_owned() } else { format!("crates/{package}") };
        let places = [folder, format!("lab/{package}"), (*package).to_owned()];
        if !places.iter().any(|folder| root().join(folder).join("Cargo.toml").exists()) {
            return Err(format!("there is no package {package}"));
        }
    }
    if let Some(path) = after("--path").filter(|path| !root().join(path).exists()) {
        return Err(format!("there is no {path}"));
    }
    if after("-p") == Some(&"xtask") {
        let tasks = fs::read_to_string(root().join("xtask/src/main.rs")).expect("xtask is there");
        let task = after("--").copied().unwrap_or_default();
        if !tasks.contains(&format!("\"{task}\"")) {
            return Err(format!("xtask has no task {task:?}"));
        }
    }
    Ok(())
}
