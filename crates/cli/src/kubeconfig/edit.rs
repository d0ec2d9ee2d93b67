//! Changes to a text at places that its tree knows. Everything else keeps its bytes: comments, order, unknown keys.
//!
//! Must not: know any key of a kubeconfig.

use std::{fmt::Write as _, ops::Range};

use super::tree::{Node, Value};

/// Changes to a text, carried out together.
#[derive(Debug)]
pub(super) struct Edit<'a> {
    text: &'a str,
    changes: Vec<(Range<usize>, String)>,
}

/// What is written: text, or keys with values, in this order.
#[derive(Clone, Debug)]
pub(super) enum Fresh<'a> {
    Text(&'a str),
    Map(Vec<(&'a str, Fresh<'a>)>),
}

impl<'a> Edit<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, changes: Vec::new() }
    }

    /// The changed text.
    pub(super) fn finish(mut self) -> String {
        self.changes.sort_by_key(|(range, _)| range.start);
        let mut text = self.text.to_owned();
        for (range, new) in self.changes.into_iter().rev() {
            text.replace_range(range, &new);
        }
        text
    }

    /// Gives a key of a mapping this text. A value that has it already keeps its bytes.
    pub(super) fn set(&mut self, map: &Node, key: &str, value: &str) {
        let Value::Map(entries) = &map.value else { return };
        let scalar = scalar(value, map.flow);
        match (map.entry(key), entries.first()) {
            (Some(entry), _) if entry.value.text(&[]) == Some(value) => {}
            (Some(entry), _) if entry.value.span.is_empty() => {
                let colon =
                    self.text[entry.at.end..].find(':').map_or(entry.at.end, |at| entry.at.end + at + 1);
                self.changes.push((colon..colon, format!(" {scalar}")));
            }
            (Some(entry), _) => self.changes.push((entry.value.span.clone(), scalar)),
            (None, Some(first)) => {
                let quoted = if map.flow { json(key) } else { key.to_owned() };
                let gap =
                    if map.flow { ", ".to_owned() } else { format!("\n{}", self.indent(first.at.start)) };
                self.changes.push((first.at.start..first.at.start, format!("{quoted}: {scalar}{gap}")));
            }
            (None, None) => {
                let inside = map.span.start + 1;
                self.changes.push((inside..inside, format!("{}: {scalar}", json(key))));
            }
        }
    }

    /// Replaces a list's item.
    pub(super) fn replace(&mut self, item: &Node, fresh: &Fresh<'_>) {
        let column = self.column(item.span.start);
        let new = if item.flow { fresh.flow() } else { fresh.block(column) };
        self.changes.push((item.span.clone(), new));
    }

    /// Adds an item to the list below a key of the topmost mapping, making the list when there is none.
    pub(super) fn append(&mut self, root: &Node, key: &str, fresh: &Fresh<'_>) {
        match root.entry(key) {
            Some(entry) if entry.value.items().is_empty() => {
                let span = entry.value.span.clone();
                if root.flow {
                    self.changes.push((span, format!("[{}]", fresh.flow())));
                } else {
                    let end = span
                        .end
                        .max(self.text[entry.at.end..].find(':').map_or(0, |at| entry.at.end + at + 1));
                    let from = if span.is_empty() { end } else { span.start };
                    self.changes.push((from..end, format!("\n- {}", fresh.block(2))));
                }
            }
            Some(entry) if entry.value.flow => {
                let inside = entry.value.span.start + 1;
                self.changes.push((inside..inside, format!("{}, ", fresh.flow())));
            }
            Some(entry) => {
                let column = self.column(self.dash(&entry.value));
                let end = self.line_end(entry.value.span.end);
                let indent = " ".repeat(column);
                self.changes.push((end..end, format!("\n{indent}- {}", fresh.block(column + 2))));
            }
            None if root.flow => {
                let inside = root.span.start + 1;
                let comma = if root.is_nothing() { "" } else { ", " };
                self.changes.push((inside..inside, format!("{}: [{}]{comma}", json(key), fresh.flow())));
            }
            None => {
                let end = self.line_end(root.span.end);
                let indent = " ".repeat(self.column(root.span.start));
                let item = fresh.block(indent.len() + 2);
                self.changes.push((end..end, format!("\n{indent}{key}:\n{indent}- {item}")));
            }
        }
    }

    /// Where a block list's first dash stands. A list that is not indented begins, for the parser, behind it.
    fn dash(&self, list: &Node) -> usize {
        let first = list.items().first().map_or(list.span.start, |item| item.span.start);
        let before = self.text[..first].trim_end();
        if before.ends_with('-') { before.len() - 1 } else { list.span.start }
    }

    fn line_end(&self, from: usize) -> usize {
        self.text[from..].find('\n').map_or(self.text.len(), |at| from + at)
    }

    /// Blanks as wide as what stands before a place on its line.
    fn indent(&self, place: usize) -> String {
        " ".repeat(self.column(place))
    }

    fn column(&self, place: usize) -> usize {
        let start = self.text[..place].rfind('\n').map_or(0, |at| at + 1);
        self.text[start..place].chars().count()
    }
}

impl Fresh<'_> {
    /// Block style; the first line stands where it is put, the others begin in this column.
    pub(super) fn block(&self, column: usize) -> String {
        let Self::Map(entries) = self else { return self.flow() };
        let mut out = String::new();
        for (nth, (key, value)) in entries.iter().enumerate() {
            if nth > 0 {
                let _ = write!(out, "\n{:column$}", "");
            }
            match value {
                Self::Text(text) => {
                    let _ = write!(out, "{key}: {}", scalar(text, false));
                }
                Self::Map(_) => {
                    let _ =
                        write!(out, "{key}:\n{:inner$}{}", "", value.block(column + 2), inner = column + 2);
                }
            }
        }
        out
    }

    /// Flow style, which is JSON.
    fn flow(&self) -> String {
        match self {
            Self::Text(text) => json(text),
            Self::Map(entries) => {
                let inner: Vec<_> =
                    entries.iter().map(|(key, value)| format!("{}: {}", json(key), value.flow())).collect();
                format!("{{{}}}", inner.join(", "))
            }
        }
    }
}

/// Plain where nobody could take it for something else, otherwise quoted.
fn scalar(text: &str, flow: bool) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "+/=_.-:".contains(c);
    let plain = !flow
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(safe)
        && !text.ends_with(':')
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
        );
    if plain { text.to_owned() } else { json(text) }
}

fn json(text: &str) -> String {
    serde_json::to_string(text).expect("text always serialises")
}
