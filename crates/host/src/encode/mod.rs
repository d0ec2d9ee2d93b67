//! An exec as one stream: header line, then an archive of scripts, step list and bodies.
//!
//! Owns: what is sent and in which form. Must not: put a step's values into script text other than as quoted words.

mod archive;
mod quote;
mod scripts;
mod steps;

use model::{
    digest::Sha256,
    fault::{Cause, HostFault},
    port::Exec,
    secret::Secret,
};

use crate::Decoder;
use archive::Archive;

pub(crate) use quote::{escape, unescape};

/// What is written to the remote command's standard input.
#[derive(Clone, Debug)]
pub struct Input {
    /// For [`SudoPassword`](crate::Escalation::SudoPassword): one line, written first; the rest only after
    /// [`READY`](crate::READY) was heard.
    pub password: Option<Secret>,
    /// Everything else, until end of file. Public or not, kept as a secret.
    pub archive: Secret,
}

/// The tree that an exec works on. Anything but the default is for tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Stands before every path; empty for the host's own.
    pub root: String,
    /// Where commands are found; `None` for the usual places.
    pub path: Option<String>,
    /// Seconds to wait for an earlier exec that still runs.
    pub patience: u32,
}

impl Default for Tree {
    fn default() -> Self {
        Self { root: String::new(), path: None, patience: 30 }
    }
}

/// The stream for an exec, and the decoder for its answer. An error names the step that cannot be sent.
pub fn encode(exec: &Exec, password: Option<&Secret>) -> Result<(Input, Decoder), HostFault> {
    encode_in(&Tree::default(), exec, password)
}

/// [`encode`] for another tree than the host's own.
pub fn encode_in(tree: &Tree, exec: &Exec, password: Option<&Secret>) -> Result<(Input, Decoder), HostFault> {
    let mutates = exec.steps.iter().any(|step| !step.op.only_reads());
    let listed = steps::list(exec).map_err(|why| HostFault::new(Cause::Unsupported, why))?;
    let mut archive = Archive::new();
    for (name, text) in &listed.scripts {
        archive.add(name, 0o600, text.as_bytes());
    }
    archive.add("run", 0o600, include_str!("../scripts/run.sh").as_bytes());
    archive.add("steps", 0o600, listed.text.as_bytes());
    for (name, mode, bytes) in &listed.bodies {
        archive.add(name, *mode, bytes);
    }
    // The nonce comes from all the rest, so that no line that was said before can bear it.
    let nonce = archive.digest().short().to_owned();
    archive.add("head", 0o600, head(tree, &nonce, &listed, mutates).as_bytes());
    let bytes = archive.finish();
    let mode = if mutates { "detach" } else { "attend" };
    let header = format!("coracle1 {} {} {mode}\n", Sha256::of(bytes.expose()), bytes.expose().len());
    let input = Input {
        password: password.map(|secret| Secret::new([secret.expose(), b"\n"].concat())),
        archive: Secret::new([header.as_bytes(), bytes.expose()].concat()),
    };
    Ok((input, Decoder::new(nonce, exec)))
}

fn head(tree: &Tree, nonce: &str, listed: &steps::Listed<'_>, mutates: bool) -> String {
    let parts: Vec<_> = listed.scripts.iter().filter_map(|(name, _)| name.strip_suffix(".sh")).collect();
    let path = tree.path.as_deref().map(|path| format!("PATH={}\n", quote::word(path)));
    format!(
        "n={nonce}\nroot={}\npatience={}\nmutates={}\nparts={}\n{}",
        quote::word(&tree.root),
        tree.patience,
        if mutates { "yes" } else { "" },
        quote::word(&parts.join(" ")),
        path.unwrap_or_default(),
    )
}
