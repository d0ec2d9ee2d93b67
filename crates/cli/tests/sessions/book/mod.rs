//! README, the book and the pages of the lab: every command in them is run here, or at least read by the program.
//!
//! Each fenced block says behind its language what becomes of it; one that says nothing fails the test.
//!
//! | fence | what happens to it |
//! |---|---|
//! | `sh run`, `sh run exit=N` | run on the page's own desk, after the blocks before it; ends with 0, or with N |
//! | `sh hosts` | needs real machines: the program reads each `coracle` line, and the lab's stories play its verb |
//! | `sh tools` | builds or tests this repository: the tasks, packages and files that it names are there |
//! | `yaml file` | a cluster file that `check` accepts |
//! | `yaml spec` | a part of one, below `spec`, that `check` accepts |
//! | `yaml add` | is added to the desk's `coracle.yaml` |
//! | `text output` | stands in what the block before it printed |
//! | `text picture`, `json sample` | for the eye alone |
//!
//! A command within a sentence (`coracle …` between backticks) is read by the program too.

mod desk;
mod fence;
mod tools;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use desk::PageDesk;
use fence::{Block, Fate};

/// What `coracle init` makes, and so what a fragment is a part of where it names no nodes itself.
const NODES: &str = "\
nodes:
  - {name: harbor-1, role: server, ssh: root@192.168.1.11}
  - {name: harbor-2, role: agent, ssh: root@192.168.1.12, labels: {zone: home}}
  - {name: harbor-3, role: agent, ssh: root@192.168.1.13}
";

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every page that tells somebody to type something. What is generated from the program itself is left out.
fn pages() -> Vec<(String, String)> {
    let mut found =
        vec![root().join("README.md"), root().join("CONTRIBUTING.md"), root().join("ARCHITECTURE.md")];
    for folder in ["docs", "lab", "examples"] {
        below(&root().join(folder), &mut found);
    }
    found.sort();
    let name = |path: &Path| path.strip_prefix(root()).expect("below the root").display().to_string();
    let read = |path: PathBuf| (name(&path), fs::read_to_string(&path).expect("a page"));
    found.into_iter().map(read).filter(|(name, _)| !name.starts_with("docs/reference/")).collect()
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            below(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "md") {
            found.push(path);
        }
    }
}

#[test]
fn every_block_of_every_page_does_what_it_says() {
    let mut kinds = BTreeSet::new();
    for (name, text) in pages() {
        let mut desk = PageDesk::new();
        for block in fence::blocks(&text) {
            let fate = Fate::of(&block).unwrap_or_else(|why| panic!("{name}:{}: {why}", block.line));
            kinds.insert(fate.kind());
            if let Err(why) = meet(&mut desk, &block, fate) {
                panic!("{name}:{}: {why}\n\n{}", block.line, block.body);
            }
        }
    }
    assert_eq!(kinds.len(), Fate::KINDS, "a kind of block that no page has is not tried: {kinds:?}");
}

#[test]
fn every_command_within_a_sentence_is_one_that_the_program_knows() {
    let desk = PageDesk::new();
    let spans = pages().into_iter().flat_map(|(name, text)| {
        let spans: Vec<_> = fence::spans(&text).filter(|span| span.starts_with("coracle ")).collect();
        spans.into_iter().map(move |span| (span, name.clone()))
    });
    let spans: std::collections::BTreeMap<_, _> = spans.collect();
    assert!(spans.len() > 10, "{spans:?}");
    for (span, page) in spans {
        desk.parses(&span).unwrap_or_else(|why| panic!("{page}: `{span}`: {why}"));
    }
}

fn meet(desk: &mut PageDesk, block: &Block, fate: Fate) -> Result<(), String> {
    match fate {
        Fate::Run(code) => {
            tools::may_run(&block.body)?;
            desk.run(&block.body, code)
        }
        Fate::Hosts => block.commands().try_for_each(|line| tools::needs_hosts(desk, &line)),
        Fate::Tools => block.commands().try_for_each(|line| tools::is_there(desk, &line)),
        Fate::File => desk.accepts(&block.body),
        Fate::Spec => desk.accepts(&whole(&block.body)),
        Fate::Add => desk.add(&block.body),
        Fate::Output => desk.printed(&block.body),
        Fate::Picture => Ok(()),
    }
}

/// A part of `spec` as a whole file.
fn whole(part: &str) -> String {
    let nodes = if part.starts_with("nodes:") || part.contains("\nnodes:") { "" } else { NODES };
    let body = format!("{nodes}{part}").replace('\n', "\n  ");
    format!("apiVersion: coracle.dev/v1alpha1\nkind: Cluster\nmetadata:\n  name: harbor\nspec:\n  {body}\n")
}
