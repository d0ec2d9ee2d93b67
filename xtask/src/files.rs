//! Rules about single source files.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Lines that a file may have; more hides a second thought.
const LINES: usize = 500;
/// Words that no file name may be.
const EMPTY_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "common", "manager", "misc"];

/// Judges every Rust file below `crates`, `tests` and `xtask`.
pub(crate) fn judge(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["crates", "tests", "xtask"] {
        collect(&root.join(folder), &mut found);
    }
    found.sort();
    found.iter().flat_map(|path| file(root, path)).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

fn file(root: &Path, path: &Path) -> Vec<String> {
    let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut complaints = Vec::new();
    let first = text.lines().find(|line| !line.is_empty() && !line.starts_with("#![")).unwrap_or_default();
    if !first.starts_with("//!") {
        complaints.push(format!("{name}: does not open with `//!` and what the module owns"));
    }
    if text.lines().count() > LINES {
        complaints.push(format!("{name}: has {} lines; {LINES} are the most", text.lines().count()));
    }
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if EMPTY_NAMES.contains(&stem) {
        complaints.push(format!("{name}: a name that says nothing"));
    }
    // Spelled in two parts, so that this file does not complain about itself.
    for word in
        [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("TO", "DO"), concat!("FIX", "ME")]
    {
        if let Some(line) = text.lines().position(|line| line.contains(word)) {
            complaints.push(format!("{name}:{}: {word} does not land", line + 1));
        }
    }
    complaints
}
