//! Standard output and standard error.
//!
//! Owns: every byte that leaves through them. Standard output carries data only; when its reader goes away the
//! program ends quietly. Standard error carries everything for people; when it fails there is nobody to tell.

use std::io::{self, Write as _};

use serde::Serialize;

use crate::failure::{Failure, Kind};

/// Writes data to standard output.
pub(crate) fn to_stdout(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure::shown(Kind::BrokenPipe),
        _ => Failure::new(Kind::CannotWrite, format!("cannot write to standard output: {error}")),
    })
}

/// Writes one JSON document, on one line, to standard output.
pub(crate) fn json_line(value: &impl Serialize) -> Result<(), Failure> {
    let mut line = serde_json::to_string(value).expect("our own types always serialise");
    line.push('\n');
    to_stdout(&line)
}

/// Writes words for people to standard error.
pub(crate) fn to_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
