//! Rules about pages for people: what they name is there.
//!
//! Owns: links, the book's list of pages, the table of exit codes, the codes of findings, and the flags of commands
//! that pages tell to type. Must not: judge prose.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Where pages are, beside the root itself.
const FOLDERS: &[&str] = &["docs", "lab"];
const COMMANDS: &str = "docs/reference/commands.md";
const FINDINGS: &str = "docs/reference/findings.md";

/// Judges every page.
pub(crate) fn judge(root: &Path) -> Vec<String> {
    let mut pages: Vec<PathBuf> = below(root, "md", false);
    for folder in FOLDERS {
        pages.extend(below(&root.join(folder), "md", true));
    }
    pages.sort();
    let commands = read(&root.join(COMMANDS));
    let mut complaints = Vec::new();
    for page in &pages {
        let text = read(page);
        let name = page.strip_prefix(root).unwrap_or(page).display().to_string();
        complaints
            .extend(dead_links(page, &text).into_iter().map(|link| format!("{name}: {link} leads nowhere")));
        complaints.extend(
            unknown_words(&text, &commands).into_iter().map(|word| format!("{name}: coracle has no {word}")),
        );
    }
    complaints.extend(unlisted(root, &pages));
    complaints.extend(exit_codes(root));
    complaints.extend(findings(root));
    complaints
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Files with an ending in a folder, and in the folders below it.
fn below(folder: &Path, ending: &str, deep: bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.is_dir() && deep {
            found.extend(below(&path, ending, deep));
        } else if path.extension().is_some_and(|other| other == ending) {
            found.push(path);
        }
    }
    found
}

/// Links to files that are not there, or to headings that the file does not have.
fn dead_links(page: &Path, text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let local = targets.filter(|target| !target.contains("://") && !target.contains(' '));
    local.filter(|target| !leads_somewhere(page, text, target)).map(ToOwned::to_owned).collect()
}

fn leads_somewhere(page: &Path, text: &str, target: &str) -> bool {
    let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
    let place = page.parent().unwrap_or(Path::new("")).join(path);
    let there = path.is_empty() || place.exists();
    let text = if path.is_empty() { text.to_owned() } else { read(&place) };
    there
        && anchor.is_none_or(|anchor| {
            headings(&text).any(|heading| crate::cluster_file::anchor(heading) == anchor)
        })
}

fn headings(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim())
}

/// Verbs and flags that pages tell to type and the program does not know.
fn unknown_words(text: &str, commands: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut shell = false;
    for line in text.lines() {
        if line.starts_with("```") {
            shell = line == "```sh";
        }
        let typed =
            line.split_once("coracle -- ").or_else(|| line.strip_prefix("coracle ").map(|rest| ("", rest)));
        let Some((_, typed)) = typed.filter(|_| shell) else { continue };
        let typed = typed.split(" # ").next().unwrap_or_default();
        let mut words = typed.split_whitespace();
        let Some(verb) = words.next().filter(|verb| !verb.starts_with('-')) else { continue };
        let Some(help) = commands.split(&format!("\n## coracle {verb}\n")).nth(1) else {
            wrong.push(format!("verb {verb}"));
            continue;
        };
        let own = help.split("\n## ").next().unwrap_or_default();
        let global = commands.split("\n## ").next().unwrap_or_default();
        let known = |flag: &str| {
            [own, global].iter().any(|help| help.split([' ', ',', '\n']).any(|word| word == flag))
        };
        wrong.extend(
            words.filter(|word| word.starts_with("--") && !known(word)).map(|flag| format!("{verb} {flag}")),
        );
    }
    wrong
}

/// Pages of the book that its table of contents leaves out.
fn unlisted(root: &Path, pages: &[PathBuf]) -> Vec<String> {
    let docs = root.join("docs");
    let summary = read(&docs.join("SUMMARY.md"));
    let names =
        pages.iter().filter_map(|page| page.strip_prefix(&docs).ok()).map(|page| page.display().to_string());
    let left_out = names.filter(|name| name != "SUMMARY.md" && !summary.contains(&format!("({name})")));
    left_out.map(|name| format!("docs/SUMMARY.md: leaves {name} out")).collect()
}

/// README's table of exit codes is that of the reference.
fn exit_codes(root: &Path) -> Option<String> {
    let (readme, page) = (read(&root.join("README.md")), read(&root.join("docs/reference/exit-codes.md")));
    let missing = page.lines().filter(|line| line.starts_with("| ")).find(|line| !readme.contains(*line));
    missing.map(|line| format!("README.md: its exit codes lack {line}"))
}

/// The page of findings has every code that the planner gives, and no other.
fn findings(root: &Path) -> Vec<String> {
    let page = read(&root.join(FINDINGS));
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let told: BTreeSet<&str> = rows.collect();
    let sources: String =
        [root.join("crates/plan/src"), root.join("crates/engine/src"), root.join("crates/cli/src/run")]
            .iter()
            .flat_map(|folder| below(folder, "rs", true))
            .map(|path| read(&path))
            .collect();
    let given = given(&sources);
    let untold = given.iter().filter(|code| !told.contains(code.as_str()));
    let old = told.iter().filter(|code| !sources.contains(&format!("\"{code}\"")));
    untold
        .map(|code| format!("{FINDINGS}: does not tell of {code}"))
        .chain(old.map(|code| format!("{FINDINGS}: nothing gives {code} any more")))
        .collect()
}

/// Codes of findings in source text: the first literal after a call that makes one.
fn given(sources: &str) -> BTreeSet<String> {
    let calls = ["finding::on(", "finding::cluster(", "found(", "refuse(", "note("];
    let mut codes = BTreeSet::new();
    for call in calls {
        for rest in sources.split(call).skip(1) {
            let call = rest.split(';').next().unwrap_or_default();
            let literal = call.split('"').nth(1).unwrap_or_default();
            let is_code = |c: char| c.is_ascii_lowercase() || c == '-';
            if literal.len() > 3 && literal.chars().all(is_code) {
                codes.insert(literal.to_owned());
            }
        }
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_that_a_verb_does_not_have_is_found_in_shell_blocks_only() {
        let commands =
            "Global:\n  -f, --file <FILE>  x\n\n## coracle plan\n\n  --out <FILE>  y\n\n## coracle lock\n";
        let text = "coracle plan --gone\n```sh\ncoracle plan --out x --file y # --z\ncargo run -p coracle -- plan --nope\ncoracle dance\n```\n";
        assert_eq!(unknown_words(text, commands), ["plan --nope", "verb dance"]);
    }

    #[test]
    fn codes_are_read_from_the_calls_that_make_findings() {
        let text = r#"draft.find(finding::on(host, "host-dark", Weight::Dark)); refuse("a b", "not-one"); let x = "no-call";"#;
        assert_eq!(given(text).into_iter().collect::<Vec<_>>(), ["host-dark"]);
    }

    #[test]
    fn links_within_a_page_lead_to_its_headings() {
        let text = "# One thing\n[a](#one-thing) [b](#none) [c](https://example.org)";
        assert_eq!(dead_links(Path::new("x.md"), text), ["#none"]);
    }
}
