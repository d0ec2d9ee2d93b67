//! The way of a cluster file: text, trees, variables, sections, rules, clusters.
//!
//! Owns: the order of these, and that a document with an error yields no cluster.

use crate::{
    check::{self, View},
    cluster::Cluster,
    diagnostic::{Code, Diagnostic, Lines, Severity, Sink, Span, guess},
    lower, raw, yaml,
};

/// What a cluster file says.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The clusters of those documents that have no errors, in file order.
    pub clusters: Vec<Cluster>,
    /// Every finding, in file order.
    pub diagnostics: Vec<Diagnostic>,
}

impl Parsed {
    /// Whether any finding is an error; the file should then not be used.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// Reads a cluster file of one or more documents.
///
/// `env` looks up the variables that values name as `${NAME}`.
pub fn parse(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Parsed {
    let mut sink = Sink::new(text);
    let mut shared = check::Shared::default();
    let mut clusters = Vec::new();
    for yaml::Tree { mut node, clean } in yaml::load(text, &mut sink) {
        sink.hide(guess(&node));
        let before = sink.errors();
        yaml::substitute(&mut node, text, env, raw::takes_secret, &mut sink);
        let Some(document) = raw::document(&node, &mut sink) else { continue };
        let Some(view) = View::new(&document) else { continue };
        let configs = check::document(&view, &mut sink);
        shared.check(&document, &mut sink);
        let cluster = lower::cluster(&document, &view, configs);
        clusters.extend(cluster.filter(|_| clean && sink.errors() == before));
    }
    Parsed { clusters, diagnostics: sink.finish() }
}

/// The text of a file's bytes; on `Err` where it stops being UTF-8.
///
/// The place is that in the text with every wrong byte replaced, which is what the renderer should be given.
pub fn decode(bytes: &[u8]) -> Result<&str, Diagnostic> {
    std::str::from_utf8(bytes).map_err(|error| {
        let text = String::from_utf8_lossy(bytes);
        let start = error.valid_up_to();
        let span = Span { start, end: start + char::REPLACEMENT_CHARACTER.len_utf8() };
        let mut diagnostic = Diagnostic::error(Code::NotText, "the file is not UTF-8 text").at(span, "");
        Lines::new(&text).place(&mut diagnostic);
        diagnostic.help("save it as UTF-8")
    })
}
