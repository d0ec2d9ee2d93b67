//! Which crate may see which. ARCHITECTURE.md explains the reasons; this list is what holds.

use std::{path::Path, process::Command};

use serde_json::Value;

/// Crate, and the crates of ours it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("spec", &[]),
    ("model", &["spec"]),
    ("plan", &["spec", "model"]),
    ("host", &["spec", "model"]),
    ("engine", &["spec", "model"]),
    ("sim", &["spec", "model"]),
    ("ssh", &["spec", "model", "host"]),
    ("k8s", &["spec", "model"]),
    ("testkit", &["spec", "model"]),
    // Artefacts of their own, which see nothing of ours.
    ("morph", &[]),
    ("image", &[]),
    ("coracle", &["spec", "model", "plan", "host", "engine", "sim", "ssh", "k8s"]),
    ("tests", &["spec", "model", "plan", "host", "engine", "sim", "ssh", "k8s", "testkit", "coracle"]),
    // Drives the built program and sees nothing of ours.
    ("e2e", &[]),
    ("xtask", &[]),
];
/// What tests of any crate may see beside.
const FOR_TESTS: &[&str] = &["testkit", "sim"];
/// Crates of others that effects and the middle are made of: pure crates may not see them.
const EFFECTS: &[&str] = &["tokio", "kube", "hyper", "reqwest", "ureq", "rustls", "rand", "getrandom"];
const PURE: &[&str] = &["spec", "model", "plan", "host", "engine", "sim"];

/// Compares the edges that cargo knows with the list.
pub(crate) fn judge(root: &Path) -> Vec<String> {
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .expect("cargo runs, it started this program");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"].as_array().expect("metadata lists packages");
    let ours: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    packages.iter().flat_map(|package| package_edges(package, &ours)).collect()
}

fn package_edges(package: &Value, ours: &[&str]) -> Vec<String> {
    let name = package["name"].as_str().expect("packages have names");
    let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == name) else {
        return vec![format!("xtask/src/edges.rs: crate {name} has no entry")];
    };
    let mut complaints = Vec::new();
    for dependency in package["dependencies"].as_array().into_iter().flatten() {
        let to = dependency["name"].as_str().unwrap_or_default();
        let for_tests = dependency["kind"] == "dev";
        let fine = allowed.contains(&to)
            || for_tests && (FOR_TESTS.contains(&to) || name == "sim" || name == "engine");
        if ours.contains(&to) && !fine {
            complaints.push(format!("{name} must not depend on {to} (xtask/src/edges.rs)"));
        }
        if PURE.contains(&name) && !for_tests && EFFECTS.contains(&to) {
            complaints.push(format!("{name} is pure and must not depend on {to}"));
        }
    }
    complaints
}
