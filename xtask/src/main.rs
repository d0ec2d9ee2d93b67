//! What the project needs and cargo cannot do: `cargo run -p xtask -- tidy` holds the house to its rules,
//! `cargo run -p xtask -- docs` writes everything that is generated and committed.

mod cluster_file;
mod docs;
mod edges;
mod files;
mod pages;
mod picture;

use std::{path::PathBuf, process::ExitCode};

/// The workspace's root.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the root").to_owned()
}

fn main() -> ExitCode {
    let task = std::env::args().nth(1);
    let complaints = match task.as_deref() {
        Some("tidy") => [edges::judge(&root()), files::judge(&root()), pages::judge(&root())].concat(),
        Some("docs") => docs::write(&root()),
        _ => vec!["usage: cargo run -p xtask -- tidy|docs".to_owned()],
    };
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
