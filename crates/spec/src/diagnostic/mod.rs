//! What is wrong with a cluster file, where, and what to write instead.
//!
//! Owns: the diagnostic as a value, its codes, its positions and its picture. Must not: know the name of the file
//! (the renderer is told), or decide what is wrong.

mod code;
mod cover;
mod lines;
mod render;
mod sink;

use serde::Serialize;

pub use code::Code;
pub use render::render;

pub(crate) use cover::guess;
pub(crate) use lines::Lines;
pub(crate) use sink::{Sink, quote};

/// One finding. It names no file: whoever read the text knows where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Which rule; stable from release to release.
    pub code: Code,
    /// Whether the file can be used all the same.
    pub severity: Severity,
    /// What is wrong, in one line without a full stop.
    pub message: String,
    /// Where; the first is the place to change, the others explain it. Empty only for an empty file.
    pub labels: Vec<Label>,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Places of what may be a secret; no picture shows them.
    #[serde(skip)]
    pub(crate) covered: Vec<Span>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The document is not used.
    Error,
    /// The document is used; its author should know.
    Warning,
}

/// A place in the text and what is to be said about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Label {
    /// The place, cut to its first line.
    pub span: Span,
    /// Line of its start, from 1.
    pub line: usize,
    /// Column of its start in characters, from 1.
    pub column: usize,
    /// A few words; empty where the message says it all.
    pub text: String,
}

/// A range of bytes of the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Diagnostic {
    pub(crate) fn error(code: Code, message: impl Into<String>) -> Self {
        let (severity, message) = (Severity::Error, message.into());
        Self { code, severity, message, labels: Vec::new(), help: None, covered: Vec::new() }
    }

    pub(crate) fn warning(code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// Adds a place; line and column are filled in by the sink.
    pub(crate) fn at(mut self, span: Span, text: impl Into<String>) -> Self {
        self.labels.push(Label { span, line: 0, column: 0, text: text.into() });
        self
    }

    /// Hides a place in every picture.
    pub(crate) fn cover(mut self, span: Span) -> Self {
        self.covered.push(span);
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Line and column of the place to change, from 1.
    pub fn position(&self) -> Option<(usize, usize)> {
        self.labels.first().map(|label| (label.line, label.column))
    }
}
