//! The picture of a diagnostic for a terminal.
//!
//! Owns: excerpt, underlines and colours. Must not: print. What may be a secret is covered before any excerpt is
//! cut from the text.

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use super::{Diagnostic, Label, Lines, Severity, Span, cover::cover};

/// Bytes of text that are shown in one piece.
const LONG: usize = 8192;

/// Draws the diagnostics one below the other, each with the lines it speaks of.
///
/// `name` is shown as the file's name; `text` must be the text that was parsed.
pub fn render(name: &str, text: &str, diagnostics: &[Diagnostic], colour: bool) -> String {
    let text = cover(text, diagnostics);
    let lines = Lines::new(&text);
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for diagnostic in diagnostics {
        out += &renderer.render(&[group(name, &text, &lines, diagnostic)]);
        out += "\n\n";
    }
    out
}

fn group<'a>(name: &'a str, text: &'a str, lines: &Lines<'_>, diagnostic: &'a Diagnostic) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(diagnostic.message.as_str()).id(diagnostic.code.as_str());
    let labels: Vec<_> = diagnostic.labels.iter().enumerate().collect();
    let (together, _) = lines.excerpt(labels.iter().map(|(_, label)| label.span));
    let parts = if together.end - together.start > LONG { 1 } else { labels.len().max(1) };
    let elements = labels.chunks(parts).map(|labels| element(name, text, lines, labels));
    let group = Group::with_title(title).elements(elements);
    group.elements(diagnostic.help.as_deref().map(|help| Level::HELP.message(help)))
}

/// Lines of the text with labels in them, or their position alone where a line is too long to be shown.
fn element<'a>(
    name: &'a str,
    text: &'a str,
    lines: &Lines<'_>,
    labels: &[(usize, &'a Label)],
) -> Element<'a> {
    let (excerpt, line) = lines.excerpt(labels.iter().map(|(_, label)| label.span));
    if excerpt.end - excerpt.start > LONG {
        let column = labels.first().map_or(1, |(_, label)| label.column);
        return Origin::path(name).line(line).char_column(column).into();
    }
    let annotations =
        labels.iter().map(|(nth, label)| annotation(*nth, label, lines.head(label.span), excerpt.start));
    Snippet::source(&text[excerpt.start..excerpt.end])
        .line_start(line)
        .path(name)
        .annotations(annotations)
        .into()
}

fn annotation(nth: usize, label: &Label, span: Span, base: usize) -> annotate_snippets::Annotation<'_> {
    let kind = if nth == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
    let text = (!label.text.is_empty()).then_some(label.text.as_str());
    kind.span(span.start - base..span.end - base).label(text)
}
