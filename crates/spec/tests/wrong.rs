//! Wrong cluster files and what is said about each.
//!
//! A file of `wrong/` carries its expectations: `#! code …` at the end of a line names the findings that point to
//! that line, `#! LINE code` as the first line names one on another line (0: on none). There is a file named after
//! every code, and files named `several-…` with many findings each.
#![expect(clippy::disallowed_methods, reason = "only the tests of a pure crate read files: their fixtures")]

use std::{collections::BTreeSet, fs, path::Path};

use spec::{
    cluster::Cluster,
    diagnostic::{Code, Diagnostic},
};

fn env(name: &str) -> Option<String> {
    (name == "PASSWORD").then(|| "sesame".to_owned())
}

struct Wrong {
    name: String,
    text: String,
    diagnostics: Vec<Diagnostic>,
    clusters: Vec<Cluster>,
}

fn files() -> Vec<Wrong> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong");
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| read(&entry.expect("an entry").path()))
        .collect();
    files.sort_by(|one, other| one.name.cmp(&other.name));
    files
}

fn read(path: &Path) -> Wrong {
    let bytes = fs::read(path).expect("a file");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (diagnostics, clusters) = match spec::decode(&bytes) {
        Ok(text) => {
            let parsed = spec::parse(text, &env);
            (parsed.diagnostics, parsed.clusters)
        }
        Err(diagnostic) => (vec![diagnostic], Vec::new()),
    };
    Wrong {
        name: path.file_stem().expect("a name").to_string_lossy().into_owned(),
        text,
        diagnostics,
        clusters,
    }
}

/// Pairs of line and code, sorted; a pair stands as often as it is expected.
fn expected(text: &str) -> Vec<(usize, String)> {
    let mut pairs = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let Some((before, marks)) = line.split_once("#! ") else { continue };
        if before.is_empty() {
            let (line, code) = marks.split_once(' ').expect("a line and a code");
            pairs.push((line.parse().expect("a line"), code.to_owned()));
        } else {
            pairs.extend(marks.split_whitespace().map(|code| (index + 1, code.to_owned())));
        }
    }
    pairs.sort();
    pairs
}

fn found(diagnostics: &[Diagnostic]) -> Vec<(usize, String)> {
    let line = |diagnostic: &Diagnostic| diagnostic.position().map_or(0, |(line, _)| line);
    let mut pairs: Vec<_> = diagnostics.iter().map(|one| (line(one), one.code.to_string())).collect();
    pairs.sort();
    pairs
}

#[test]
fn every_wrong_file_gets_exactly_the_findings_it_names() {
    let wrong = |file: &Wrong| found(&file.diagnostics) != expected(&file.text);
    let report: String = files().iter().filter(|file| wrong(file)).map(report).collect();
    assert!(report.is_empty(), "{report}");
}

fn report(file: &Wrong) -> String {
    let picture = spec::render(&file.name, &file.text, &file.diagnostics, false);
    format!("{picture}expected {:?}\n   found {:?}\n", expected(&file.text), found(&file.diagnostics))
}

#[test]
fn every_code_has_a_wrong_file_of_its_name() {
    let shown: BTreeSet<_> = files()
        .into_iter()
        .filter(|file| expected(&file.text).iter().any(|(_, code)| *code == file.name))
        .map(|file| file.name)
        .collect();
    let missing: Vec<_> =
        Code::ALL.iter().map(|code| code.as_str()).filter(|code| !shown.contains(*code)).collect();
    assert!(missing.is_empty(), "no file shows {missing:?}");
}

#[test]
fn ten_files_hold_several_errors() {
    let several = files().into_iter().filter(|file| file.name.starts_with("several-"));
    let codes =
        |file: Wrong| expected(&file.text).into_iter().map(|(_, code)| code).collect::<BTreeSet<_>>().len();
    assert!(several.map(codes).filter(|codes| *codes >= 3).count() >= 10);
}

#[test]
fn a_document_with_an_error_yields_no_cluster() {
    for file in files() {
        let errors = file.diagnostics.iter().any(|one| one.severity == spec::diagnostic::Severity::Error);
        let documents = file.text.split("\n---\n").count();
        assert!(!errors || file.clusters.len() < documents, "{}", file.name);
    }
}

#[test]
fn every_finding_says_what_to_write_and_names_itself_in_one_line() {
    for one in files().into_iter().flat_map(|file| file.diagnostics) {
        assert!(one.help.as_ref().is_some_and(|help| !help.is_empty()), "no help: {one:?}");
        assert!(!one.message.contains('\n') && !one.message.ends_with('.'), "{one:?}");
    }
}

#[test]
fn no_message_and_no_picture_repeats_a_secret() {
    for file in files() {
        let picture = spec::render(&file.name, &file.text, &file.diagnostics, true);
        let json = serde_json::to_string(&file.diagnostics).expect("diagnostics are plain data");
        for secret in ["hunter2", "sesame"] {
            assert!(!picture.contains(secret), "{}\n{picture}", file.name);
            assert!(!json.contains(secret), "{}\n{json}", file.name);
        }
    }
}

#[test]
fn no_shape_around_a_secret_brings_it_out() {
    let places = [
        "spec: {kubernetes: {datastore: {external: @}}}",
        "spec: {kubernetes: {datastore: {external: {endpoint: @}}}}",
        "spec: {kubernetes: {datastore: {external: {endpoint: {env: NAME, @: 1}}}}}",
        "spec: {kubernetes: {config: {etcd-s3-secret-key: @}}}",
        "spec: {kubernetes: {config: {token: @}}}",
        "spec: {kubernetes: {token: @}}",
        "spec: {token: @}",
        "spec: {os: {files: [{path: /etc/a, secret: @}]}}",
        "spec: {os: {files: [{path: /etc/a, scret: @, password: @}]}}",
        "spec: {nodes: [{name: s1, sudoPassword: @}]}",
    ];
    let shapes = [
        "hunter2",
        "\"postgres://me:hunter2@host/db\"",
        "[hunter2]",
        "{value: hunter2}",
        "{env: {name: hunter2}}",
        "{file: [hunter2]}",
        "[[hunter2, {a: hunter2}]]",
        "[hunter2",
        "hunter2}}}}]",
        "\"hunter2",
        "!secret hunter2",
        "&a hunter2",
    ];
    for (place, shape) in places.iter().flat_map(|place| shapes.iter().map(move |shape| (place, shape))) {
        let text = format!("kind: Cluster\n{}\n", place.replace('@', shape));
        let parsed = spec::parse(&text, &|_| None);
        assert!(parsed.has_errors(), "{text}");
        let picture = spec::render("cluster.yaml", &text, &parsed.diagnostics, false);
        let json = serde_json::to_string(&parsed.diagnostics).expect("diagnostics are plain data");
        assert!(!picture.contains("hunter2") && !json.contains("hunter2"), "{text}\n{picture}\n{json}");
    }
}
