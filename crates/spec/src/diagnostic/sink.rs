//! Where diagnostics are gathered while a file is read.
//!
//! Owns: their positions, their order and their number. Must not: judge.

use super::{Code, Diagnostic, Lines, Severity, Span, cover::logins};

/// More findings than a person reads; hostile input is cut here.
const LIMIT: usize = 200;

/// Gathers the diagnostics of one text.
#[derive(Debug)]
pub(crate) struct Sink<'a> {
    lines: Lines<'a>,
    found: Vec<Diagnostic>,
    errors: usize,
    hidden: Vec<Span>,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { lines: Lines::new(text), found: Vec::new(), errors: 0, hidden: Vec::new() }
    }

    /// Takes a finding and fills in lines and columns; past the limit it is only counted.
    pub(crate) fn push(&mut self, mut diagnostic: Diagnostic) {
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        if self.full() {
            return;
        }
        self.lines.place(&mut diagnostic);
        self.found.push(diagnostic);
        if self.full() {
            let message = format!("more than {LIMIT} findings; the rest is not shown");
            self.found.push(Diagnostic::error(Code::TooLarge, message));
        }
    }

    /// Takes places that no picture of any finding shows.
    pub(crate) fn hide(&mut self, places: Vec<Span>) {
        self.hidden.extend(places);
    }

    /// Whether findings are no longer kept, so that nobody need spend time on wording them.
    pub(crate) fn full(&self) -> bool {
        self.found.len() >= LIMIT
    }

    /// How many errors there have been so far.
    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    /// All findings in the order of the text.
    pub(crate) fn finish(mut self) -> Vec<Diagnostic> {
        self.found
            .sort_by_key(|diagnostic| diagnostic.labels.first().map_or(usize::MAX, |label| label.span.start));
        if let Some(first) = self.found.first_mut() {
            first.covered.append(&mut self.hidden);
        }
        self.found
    }
}

/// The text in backquotes, short and without control characters, fit for a message.
pub(crate) fn quote(text: &str) -> String {
    let mut hidden = text.to_owned();
    if let Some(Span { start, end }) = logins(text).next() {
        hidden.replace_range(start..end, "***");
    }
    let text = hidden.as_str();
    let short: String = text.chars().take(60).flat_map(escape).collect();
    let more = if text.chars().nth(60).is_some() { "…" } else { "" };
    format!("`{short}{more}`")
}

fn escape(c: char) -> impl Iterator<Item = char> {
    let (plain, escaped) = if c.is_control() { (None, Some(c.escape_default())) } else { (Some(c), None) };
    plain.into_iter().chain(escaped.into_iter().flatten())
}
