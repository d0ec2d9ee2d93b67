//! YAML as a small tree in which every value knows its place.
//!
//! Owns: which YAML a cluster file may use (no anchors, aliases, tags, directives or duplicate keys), its limits, and
//! variables. Must not: know any key of the cluster file.

mod load;
mod scalar;
mod substitute;
mod syntax;

pub(crate) use load::{Tree, load};
pub(crate) use scalar::{Plain, Scalar};
pub(crate) use substitute::substitute;

use crate::diagnostic::Span;

/// A value and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// From its first to its last character.
    pub span: Span,
    /// What to underline for the whole value: its key where it has one.
    pub head: Span,
    pub value: Value,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// Something is wrong with it and has been reported.
    Broken,
}

/// One entry of a mapping, in file order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub key: String,
    pub at: Span,
    pub value: Node,
}

impl Node {
    /// What the value is, for "… is a list, not text".
    pub(crate) fn what(&self) -> &'static str {
        match &self.value {
            Value::Scalar(scalar) => scalar.plain().what(),
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
            Value::Broken => "broken",
        }
    }

    /// The value of a mapping's key.
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        let Value::Map(entries) = &self.value else { return None };
        entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }
}
