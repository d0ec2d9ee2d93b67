//! From byte offsets to lines and columns.
//!
//! Owns: where lines begin. Must not: fail on any offset; whatever lies outside is moved to the nearest place inside.

use super::{Diagnostic, Span};

/// The beginnings of a text's lines.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// Line and column in characters, both from 1.
    pub(crate) fn position(&self, offset: usize) -> (usize, usize) {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        (line, self.text[start..offset].chars().count() + 1)
    }

    /// The span cut to its first line, on character boundaries, without trailing blanks.
    pub(crate) fn head(&self, span: Span) -> Span {
        let start = self.text.floor_char_boundary(span.start);
        let end = self.text.ceil_char_boundary(span.end).max(start);
        let line = self.text[start..end].split(['\n', '\r']).next().unwrap_or_default();
        Span { start, end: start + line.trim_end().len() }
    }

    /// Fills in lines and columns, and cuts labels to their first line.
    pub(crate) fn place(&self, diagnostic: &mut Diagnostic) {
        for label in &mut diagnostic.labels {
            label.span = self.head(label.span);
            (label.line, label.column) = self.position(label.span.start);
        }
    }

    /// The range of whole lines that the spans touch, and the number of the first one.
    pub(crate) fn excerpt(&self, spans: impl Iterator<Item = Span> + Clone) -> (Span, usize) {
        let first = spans.clone().map(|span| span.start).min().unwrap_or_default();
        let last = spans.map(|span| span.end).max().unwrap_or_default();
        let (line, _) = self.position(first);
        let (after, _) = self.position(last);
        let end = self.starts.get(after).copied().unwrap_or(self.text.len());
        (Span { start: self.starts[line - 1], end }, line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_count_from_one() {
        let lines = Lines::new("äb\r\nc");
        assert_eq!(lines.position(0), (1, 1));
        assert_eq!(lines.position(2), (1, 2));
        assert_eq!(lines.position(5), (2, 1));
        assert_eq!(lines.position(99), (2, 2));
    }

    #[test]
    fn a_span_is_cut_to_its_first_line() {
        assert_eq!(Lines::new("one \r\ntwo").head(Span { start: 1, end: 9 }), Span { start: 1, end: 3 });
    }
}
