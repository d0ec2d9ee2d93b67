//! Rules about pages for people: what they name is there.
//!
//! Owns: links, the book's list of pages, the table of exit codes, and the codes of findings. What pages tell to type is
//! run by the test of the book (`crates/cli/tests/sessions/book`). Must not: judge prose.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Where pages are, beside the root itself.
const FOLDERS: &[&str] = &["bench", "docs", "lab"];
const FINDINGS: &str = "docs/reference/findings.md";

/// Judges every page.
pub(crate) fn judge(root: &Path) -> Vec<String> {
    let mut pages: Vec<PathBuf> = below(root, "md", false);
    for folder in FOLDERS {
        pages.extend(below(&root.join(folder), "md", true));
    }
    pages.sort();
    let mut complaints = Vec::new();
    for page in &pages {
        let text = read(page);
        let name = page.strip_prefix(root).unwrap_or(page).display().to_string();
        complaints
            .extend(dead_links(page, &text).into_iter().map(|link| format!("{name}: {link} leads nowhere")));
        complaints
            .extend(dead_paths(root, &text).into_iter().map(|path| format!("{name}: {path} is not there")));
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

/// Paths of this repository, between backticks, at which nothing is.
fn dead_paths(root: &Path, text: &str) -> Vec<String> {
    const TOPS: [&str; 7] = ["bench/", "crates/", "docs/", "lab/", "lints/", "tests/", "xtask/"];
    let spans = text.split('`').skip(1).step_by(2);
    let plain = |span: &&str| span.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    let paths = spans.filter(plain).filter(|span| TOPS.iter().any(|top| span.starts_with(top)));
    paths.filter(|path| !root.join(path).exists()).map(ToOwned::to_owned).collect()
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
    fn codes_are_read_from_the_calls_that_make_findings() {
        let text = r#"draft.find(finding::on(host, "host-dark", Weight::Dark)); refuse("a b", "not-one"); let x = "no-call";"#;
        assert_eq!(given(text).into_iter().collect::<Vec<_>>(), ["host-dark"]);
    }

    #[test]
    fn a_path_between_backticks_is_one_of_this_repository() {
        let text = "`xtask/src/pages.rs` and `xtask/gone.rs`, `lab/lab up 4`, `docs/`";
        assert_eq!(dead_paths(&crate::root(), text), ["xtask/gone.rs"]);
    }

    #[test]
    fn links_within_a_page_lead_to_its_headings() {
        let text = "# One thing\n[a](#one-thing) [b](#none) [c](https://example.org)";
        assert_eq!(dead_links(Path::new("x.md"), text), ["#none"]);
    }
}
