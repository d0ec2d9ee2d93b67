//! Every file of `examples/`: right, rehearsed to its end, explained, and listed where a reader looks.

use std::{fs, path::PathBuf};

use crate::{book::root, desk::Desk};

/// Name and text of each.
fn examples() -> Vec<(String, String)> {
    let files = fs::read_dir(root().join("examples")).expect("the folder");
    let mut files: Vec<PathBuf> = files.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    let name = |path: &PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
    files.iter().map(|path| (name(path), fs::read_to_string(path).expect("text"))).collect()
}

#[test]
fn every_cluster_of_every_example_is_right_without_a_warning_and_rehearses_to_its_end() {
    for (name, text) in examples() {
        let desk = Desk::with(&text);
        let checked = desk.run(&["check"]);
        assert_eq!((checked.code, checked.err.as_str()), (0, ""), "{name}");
        for line in checked.out.lines() {
            let cluster = line.trim_start_matches("✓ ").split(':').next().expect("a name");
            let done = desk.run(&["rehearse", "--cluster", cluster]);
            assert_eq!(done.code, 0, "{name}, {cluster}: {}", done.err);
            assert!(done.err.contains("Looking again finds nothing left to do"), "{name}: {}", done.err);
        }
    }
}

#[test]
fn every_example_says_what_it_describes_and_is_listed() {
    let page = |path: &str| fs::read_to_string(root().join(path)).expect("a page");
    let (readme, book) = (page("README.md"), page("docs/how-to/examples.md"));
    for (name, text) in examples() {
        let words: usize = text
            .lines()
            .take_while(|line| line.starts_with('#'))
            .filter(|line| !line.contains("yaml-language-server"))
            .map(|line| line.split_whitespace().count())
            .sum();
        assert!(words > 20, "{name} does not say what it describes");
        for (place, page) in [("README.md", &readme), ("docs/how-to/examples.md", &book)] {
            assert!(page.contains(&format!("examples/{name})")), "{place} does not list {name}");
        }
    }
}
