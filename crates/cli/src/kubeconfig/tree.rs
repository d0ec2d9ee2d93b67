//! A kubeconfig as a tree in which every value knows its place in the text.
//!
//! Owns: reading YAML (of which JSON is a part) far enough to edit it in place. Must not: know any key of a
//! kubeconfig.

use std::ops::Range;

use granit_parser::{Event, Parser, StructureStyle};

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Bytes from the first to the last character.
    pub(super) span: Range<usize>,
    /// Written between brackets.
    pub(super) flow: bool,
    pub(super) value: Value,
}

/// A value. Scalars keep their text only: whether `1` is a number makes no difference here.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One entry of a mapping.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: Range<usize>,
    pub(super) value: Node,
}

/// Equal are values that mean the same, wherever they stand; a list or mapping without entries is as good as none.
impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Scalar(one), Value::Scalar(two)) => one == two,
            (Value::List(one), Value::List(two)) => one == two,
            (Value::Map(one), Value::Map(two)) => {
                one.len() == two.len()
                    && one
                        .iter()
                        .all(|entry| two.iter().any(|e| e.key == entry.key && e.value == entry.value))
            }
            _ => self.is_nothing() && other.is_nothing(),
        }
    }
}

impl Node {
    /// The value of a mapping's key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of a mapping's key.
    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        let Value::Map(entries) = &self.value else { return None };
        entries.iter().find(|entry| entry.key == key)
    }

    /// The text below a path of keys.
    pub(super) fn text(&self, path: &[&str]) -> Option<&str> {
        match (path.split_first(), &self.value) {
            (Some((key, rest)), _) => self.get(key)?.text(rest),
            (None, Value::Scalar(text)) => Some(text),
            _ => None,
        }
    }

    /// The items of a list.
    pub(super) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// Whether there is no more to it than its place.
    pub(super) fn is_nothing(&self) -> bool {
        match &self.value {
            Value::Scalar(text) => matches!(text.as_str(), "" | "null" | "~"),
            Value::List(items) => items.is_empty(),
            Value::Map(entries) => entries.is_empty(),
        }
    }
}

/// The only document of a text; `None` when there is none in it.
pub(super) fn read(text: &str) -> Result<Option<Node>, String> {
    let options = granit_parser::options! {
        disallow_directives: true,
        emit_comments: false,
        emit_anchor_events: true,
        flow_nesting_limit: 32,
        block_nesting_limit: 32,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut reader = Reader { text, open: Vec::new(), done: None };
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| error.to_string())?;
        let range = span.byte_range().ok_or("has places that cannot be told")?;
        if span.tag_span().is_some() {
            return Err("uses YAML tags".into());
        }
        reader.take(event, range)?;
    }
    Ok(reader.done.filter(|node| !matches!(&node.value, Value::Scalar(_)) || !node.is_nothing()))
}

struct Reader<'a> {
    text: &'a str,
    open: Vec<Open>,
    done: Option<Node>,
}

/// A collection whose end has not come yet.
enum Open {
    List(usize, bool, Vec<Node>),
    Map(usize, bool, Vec<Entry>, Option<(String, Range<usize>)>),
}

impl Reader<'_> {
    fn take(&mut self, event: Event<'_>, range: Range<usize>) -> Result<(), String> {
        match event {
            Event::Scalar(text, ..) => {
                self.put(Node { span: range, flow: false, value: Value::Scalar(text.into_owned()) })
            }
            Event::SequenceStart(style, ..) => {
                self.open.push(Open::List(range.start, style == StructureStyle::Flow, Vec::new()));
                Ok(())
            }
            Event::MappingStart(style, ..) => {
                self.open.push(Open::Map(range.start, style == StructureStyle::Flow, Vec::new(), None));
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(&range),
            Event::Anchor(..) | Event::Alias(_) | Event::UnresolvedAlias(_) => {
                Err("uses YAML anchors or aliases".into())
            }
            _ => Ok(()),
        }
    }

    fn close(&mut self, end: &Range<usize>) -> Result<(), String> {
        let (start, flow, last, value) = match self.open.pop() {
            Some(Open::List(start, flow, items)) => {
                let last = items.last().map(|item| item.span.end);
                (start, flow, last, Value::List(items))
            }
            Some(Open::Map(start, flow, entries, _)) => {
                let last = entries.last().map(|entry| entry.value.span.end.max(entry.at.end));
                (start, flow, last, Value::Map(entries))
            }
            None => return Err("ends something that never began".into()),
        };
        // A block's own end lies on a later line, so its last child gives it, without the line break of a block text.
        let end = if flow { end.end } else { last.unwrap_or(end.end) };
        let end = start.max(self.text[..end].trim_end().len());
        self.put(Node { span: start..end, flow, value })
    }

    fn put(&mut self, node: Node) -> Result<(), String> {
        match self.open.last_mut() {
            None if self.done.is_some() => return Err("holds several documents".into()),
            None => self.done = Some(node),
            Some(Open::List(_, _, items)) => items.push(node),
            Some(Open::Map(_, _, entries, key @ None)) => {
                let Value::Scalar(text) = node.value else { return Err("has a key that is not text".into()) };
                if entries.iter().any(|entry| entry.key == text) {
                    return Err(format!("has the key {text:?} twice"));
                }
                *key = Some((text, node.span));
            }
            Some(Open::Map(_, _, entries, key)) => {
                let (key, at) = key.take().expect("the arm above takes None");
                entries.push(Entry { key, at, value: node });
            }
        }
        Ok(())
    }
}
