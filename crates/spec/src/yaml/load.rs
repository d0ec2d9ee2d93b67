//! Parser events to trees, one for each document.
//!
//! Owns: the limits, and what of YAML is refused. Must not: recurse, so that depth costs no stack.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle};

use super::{Entry, Node, Scalar, Value, syntax};
use crate::diagnostic::{Code, Diagnostic, Sink, Span, quote};

/// Larger than any cluster file with files in it; what is longer is not a cluster file.
const LIMIT: usize = 1 << 20;

/// A document, and whether its YAML was without fault.
pub(crate) struct Tree {
    pub node: Node,
    pub clean: bool,
}

/// The documents of a text that are whole; empty ones are left out.
///
/// A document with a syntax error is reported and skipped, and the next one is read.
pub(crate) fn load(text: &str, sink: &mut Sink<'_>) -> Vec<Tree> {
    if text.len() > LIMIT {
        let message = format!("the file has {} bytes; a cluster file has at most {LIMIT}", text.len());
        sink.push(Diagnostic::error(Code::TooLarge, message).at(Span::default(), ""));
        return Vec::new();
    }
    let base = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let options = granit_parser::options! {
        disallow_directives: true,
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        emit_comments: false,
        flow_nesting_limit: 32,
        block_nesting_limit: 32,
    };
    let mut parser = Parser::new_from_str_with_options(&text[base..], options);
    let mut loader = Loader { base, text, open: Vec::new(), done: Vec::new(), errors: 0, whole: true };
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => loader.take(event, span, sink),
            Err(error) => {
                sink.push(syntax::complaint(&error, text, base));
                loader.open.clear();
                loader.whole = false;
                if !parser.proceed_next_document().unwrap_or(false) {
                    break;
                }
            }
        }
    }
    if loader.done.is_empty() && loader.whole {
        let help = "write a document of `kind: Cluster`; `coracle init` makes one";
        sink.push(Diagnostic::error(Code::EmptyFile, "the file holds no document").help(help));
    }
    loader.done
}

struct Loader<'a> {
    base: usize,
    text: &'a str,
    open: Vec<Open>,
    done: Vec<Tree>,
    /// How many errors there were when the document began.
    errors: usize,
    /// Whether no document had to be skipped.
    whole: bool,
}

/// The key that the next value belongs to; `None` where it is no text, so that the value is dropped.
type Key = Option<(String, Span)>;

/// A collection whose end has not come yet.
enum Open {
    List(Span, Vec<Node>),
    Map(Span, Vec<Entry>, BTreeMap<String, Span>, Option<Key>),
}

impl Loader<'_> {
    fn take(&mut self, event: Event<'_>, span: granit_parser::Span, sink: &mut Sink<'_>) {
        if let Some(tag) = span.tag_span().and_then(|span| self.span(span)) {
            refuse(tag, "tags", "remove it and quote the value if it is text", sink);
        }
        let Some(span) = self.span(span) else { return };
        match event {
            Event::DocumentStart(..) => self.errors = sink.errors(),
            Event::Scalar(text, style, ..) => {
                let bare = style == ScalarStyle::Plain;
                let span = self.trimmed(span);
                self.put(
                    span,
                    Value::Scalar(Scalar { text: text.into_owned(), bare, variable: false }),
                    sink,
                );
            }
            Event::SequenceStart(..) => self.open.push(Open::List(span, Vec::new())),
            Event::MappingStart(..) => {
                self.open.push(Open::Map(span, Vec::new(), BTreeMap::new(), None));
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span, sink),
            Event::Anchor(..) => refuse(span, "anchors", "write the value out where it is needed", sink),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                refuse(span, "aliases", "write the value out", sink);
                self.put(span, Value::Broken, sink);
            }
            _ => {}
        }
    }

    fn span(&self, span: granit_parser::Span) -> Option<Span> {
        span.byte_range().map(|range| Span { start: range.start + self.base, end: range.end + self.base })
    }

    /// The span without the blanks after it; a block scalar's reaches into the next line.
    fn trimmed(&self, span: Span) -> Span {
        let length = self.text.get(span.start..span.end).map_or(0, |text| text.trim_end().len());
        Span { end: span.start + length, ..span }
    }

    /// Ends the innermost collection. A block's own end lies on a later line, so its last child gives it.
    fn close(&mut self, end: Span, sink: &mut Sink<'_>) {
        let (start, value, last) = match self.open.pop() {
            Some(Open::List(start, items)) => {
                let last = items.last().map(|item| item.span.end);
                (start, Value::List(items), last)
            }
            Some(Open::Map(start, entries, ..)) => {
                let last = entries.last().map(|entry| entry.value.span.end.max(entry.at.end));
                (start, Value::Map(entries), last)
            }
            None => return,
        };
        let flow = self.text.get(end.start..end.end).is_some_and(|text| matches!(text, "]" | "}"));
        let end = if flow { end.end } else { last.unwrap_or(end.end) };
        self.put(Span { start: start.start, end: end.max(start.start) }, value, sink);
    }

    fn put(&mut self, span: Span, value: Value, sink: &mut Sink<'_>) {
        match self.open.last_mut() {
            None => {
                let empty = span.start == span.end && matches!(&value, Value::Scalar(scalar) if scalar.bare);
                if !empty {
                    let clean = sink.errors() == self.errors;
                    self.done.push(Tree { node: Node { span, head: span, value }, clean });
                }
            }
            Some(Open::List(_, items)) => items.push(Node { span, head: span, value }),
            Some(Open::Map(_, _, seen, key @ None)) => *key = Some(new_key(span, value, seen, sink)),
            Some(Open::Map(_, entries, _, key)) => {
                if let Some(Some((key, at))) = key.take() {
                    entries.push(Entry { key, at, value: Node { span, head: at, value } });
                }
            }
        }
    }
}

fn new_key(span: Span, value: Value, seen: &mut BTreeMap<String, Span>, sink: &mut Sink<'_>) -> Key {
    let Value::Scalar(scalar) = value else {
        if !matches!(value, Value::Broken) {
            refuse(span, "keys that are lists or mappings", "write a plain word before the `:`", sink);
        }
        return None;
    };
    if let Some(first) = seen.get(&scalar.text) {
        let message = format!("the key {} stands twice", quote(&scalar.text));
        let diagnostic =
            Diagnostic::error(Code::DuplicateKey, message).at(span, "again here").at(*first, "first here");
        sink.push(diagnostic.help("keep one of the two"));
    } else {
        seen.insert(scalar.text.clone(), span);
    }
    Some((scalar.text, span))
}

fn refuse(span: Span, what: &str, help: &str, sink: &mut Sink<'_>) {
    let message = format!("YAML's {what} are not used in cluster files");
    sink.push(Diagnostic::error(Code::YamlUnsupported, message).at(span, "").help(help));
}
