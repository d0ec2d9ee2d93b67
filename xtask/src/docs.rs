//! Everything that is generated and committed. Continuous integration generates it again; it must not differ.

use std::{fs, path::Path, process::Command};

use crate::{cluster_file, picture};

const SCHEMA: &str = "docs/reference/coracle.schema.json";

/// Commands of the program, and what becomes of them: a file that keeps what it prints, or pages it writes itself.
const GENERATED: &[(&[&str], Option<&str>)] =
    &[(&["schema"], Some(SCHEMA)), (&["reference", "docs/reference"], None)];

/// Writes them all.
pub(crate) fn write(root: &Path) -> Vec<String> {
    let mut complaints = Vec::new();
    for (arguments, path) in GENERATED {
        let output = Command::new("cargo")
            .args(["run", "--quiet", "-p", "coracle", "--"])
            .args(*arguments)
            .current_dir(root)
            .output()
            .expect("cargo runs, it started this program");
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        let wrote = match (output.status.success(), path) {
            (false, _) => Err(words),
            (true, Some(path)) => keep(root, path, &output.stdout),
            (true, None) => Ok(()),
        };
        if let Err(why) = wrote {
            complaints.push(format!("coracle {}: {why}", arguments.join(" ")));
        }
    }
    for (path, made) in [
        ("docs/reference/cluster-file.md", file_page(root)),
        ("docs/images/rehearsal.svg", picture::rehearsal(root)),
        ("docs/images/plan.svg", picture::plan(root)),
    ] {
        if let Err(why) = made.and_then(|text| keep(root, path, text.as_bytes())) {
            complaints.push(format!("{path}: {why}"));
        }
    }
    complaints
}

fn file_page(root: &Path) -> Result<String, String> {
    let text = fs::read_to_string(root.join(SCHEMA)).map_err(|error| error.to_string())?;
    let schema = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    Ok(cluster_file::page(&schema))
}

fn keep(root: &Path, path: &str, bytes: &[u8]) -> Result<(), String> {
    let path = root.join(path);
    let folder = path.parent().expect("every file lies in a folder");
    fs::create_dir_all(folder).and_then(|()| fs::write(&path, bytes)).map_err(|error| error.to_string())
}
