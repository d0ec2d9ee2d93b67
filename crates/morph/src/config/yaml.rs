//! From text to a tree of keys, lists and words with places.
//!
//! Owns: what of YAML is understood, and the limits. Must not: know any key.

use granit_parser::{Event, Parser};

use super::Finding;

/// Larger than any configuration.
const LIMIT: usize = 1 << 20;

/// A value and where it begins, both counted from one.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) line: u64,
    pub(super) column: u64,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Word(String),
    List(Vec<Node>),
    Map(Vec<(Word, Node)>),
}

/// A word with its place: a key, or a value that is one.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) line: u64,
    pub(super) column: u64,
}

/// A collection whose end has not come yet.
enum Open {
    List(Vec<Node>),
    Map(Vec<(Word, Node)>, Option<Word>),
}

/// Reads the one document of a text.
pub(super) fn read(text: &str) -> Result<Node, Finding> {
    let finding =
        |line, column, what: String, cure: &str| Finding { line, column, what, cure: cure.to_owned() };
    if text.len() > LIMIT {
        return Err(finding(
            0,
            0,
            format!("the file has {} bytes", text.len()),
            "give a configuration, which has some kilobytes",
        ));
    }
    let options = granit_parser::options! {
        disallow_directives: true,
        emit_unresolved_aliases: true,
        emit_comments: false,
        flow_nesting_limit: 16,
        block_nesting_limit: 16,
    };
    let mut parser = Parser::new_from_str_with_options(text, options);
    let mut open: Vec<(u64, u64, Open)> = Vec::new();
    let mut root = None;
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            let place = error.marker();
            let what = error.info().clone();
            finding(
                place.line() as u64,
                place.col() as u64 + 1,
                what,
                "mend it; indent with blanks, and put text with special characters in quotes",
            )
        })?;
        let (line, column) = (span.start.line() as u64, span.start.col() as u64 + 1);
        let node = match event {
            Event::Scalar(text, ..) => Node { line, column, value: Value::Word(text.into_owned()) },
            Event::SequenceStart(..) => {
                open.push((line, column, Open::List(Vec::new())));
                continue;
            }
            Event::MappingStart(..) => {
                open.push((line, column, Open::Map(Vec::new(), None)));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some((line, column, Open::List(items))) => Node { line, column, value: Value::List(items) },
                Some((line, column, Open::Map(entries, _))) => {
                    Node { line, column, value: Value::Map(entries) }
                }
                None => continue,
            },
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                return Err(finding(
                    line,
                    column,
                    "aliases are not used here".to_owned(),
                    "write the value out",
                ));
            }
            Event::DocumentStart(..) if root.is_some() => {
                return Err(finding(line, column, "a second document begins".to_owned(), "keep one"));
            }
            _ => continue,
        };
        put(&mut open, &mut root, node)?;
    }
    root.ok_or_else(|| {
        finding(1, 1, "the file holds nothing".to_owned(), "begin with `sites:`; `man morph` has an example")
    })
}

fn put(open: &mut [(u64, u64, Open)], root: &mut Option<Node>, node: Node) -> Result<(), Finding> {
    match open.last_mut() {
        None => *root = Some(node),
        Some((_, _, Open::List(items))) => items.push(node),
        Some((_, _, Open::Map(entries, key))) => match key.take() {
            Some(key) => entries.push((key, node)),
            None => *key = Some(new_key(node, entries)?),
        },
    }
    Ok(())
}

fn new_key(node: Node, entries: &[(Word, Node)]) -> Result<Word, Finding> {
    let Node { line, column, value } = node;
    let Value::Word(text) = value else {
        let cure = "write a plain word before the `:`".to_owned();
        return Err(Finding { line, column, what: "a key that is a list or a mapping".to_owned(), cure });
    };
    if entries.iter().any(|(earlier, _)| earlier.text == text) {
        return Err(Finding {
            line,
            column,
            what: format!("the key `{text}` stands twice"),
            cure: "keep one of the two".to_owned(),
        });
    }
    Ok(Word { text, line, column })
}
