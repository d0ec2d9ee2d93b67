//! What every type of the file can do: be read from a node, and describe itself as JSON Schema.
//!
//! Owns: the trait and its general containers. Must not: know any key.

use std::borrow::Cow;

use serde_json::{Value as Json, json};

use crate::{
    diagnostic::{Code, Diagnostic, Sink, Span, quote},
    yaml::{Node, Plain, Value},
};

/// A type that a value of the cluster file can have.
pub(crate) trait Shape: Sized {
    /// What the value must be, for "… is a number, not a list".
    const WHAT: &'static str;

    /// Reads the value of `key`; on `None` the sink has been told why.
    fn decode(node: &Node, key: &str, sink: &mut Sink<'_>) -> Option<Self>;

    /// The JSON Schema of the type.
    fn schema() -> Json;
}

/// What stands for a key where the value is a whole document.
pub(crate) const DOCUMENT: &str = "the document";

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Spanned<T> {
    pub value: T,
    pub span: Span,
}

/// The value of a key.
#[derive(Clone, Debug)]
pub(crate) enum Field<T> {
    Absent,
    /// Present or required, but not readable; the sink has been told why, so nothing more is to be said about it.
    Bad,
    Given(Spanned<T>),
}

impl<T> Field<T> {
    pub(crate) fn get(&self) -> Option<&T> {
        self.spanned().map(|given| &given.value)
    }

    pub(crate) fn spanned(&self) -> Option<&Spanned<T>> {
        match self {
            Self::Given(given) => Some(given),
            Self::Absent | Self::Bad => None,
        }
    }

    pub(crate) fn span(&self) -> Option<Span> {
        self.spanned().map(|given| given.span)
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    pub(crate) fn is_bad(&self) -> bool {
        matches!(self, Self::Bad)
    }
}

/// Reads one value; what is already known to be broken is passed over in silence.
pub(crate) fn field<T: Shape>(node: &Node, key: &str, sink: &mut Sink<'_>) -> Field<T> {
    if node.value == Value::Broken {
        return Field::Bad;
    }
    T::decode(node, key, sink).map_or(Field::Bad, |value| Field::Given(Spanned { value, span: node.span }))
}

/// A list in file order.
#[derive(Clone, Debug)]
pub(crate) struct List<T> {
    pub items: Vec<Spanned<T>>,
    /// Whether every item could be read.
    pub complete: bool,
}

impl<T: Shape> Shape for List<T> {
    const WHAT: &'static str = "a list";

    fn decode(node: &Node, key: &str, sink: &mut Sink<'_>) -> Option<Self> {
        let Value::List(nodes) = &node.value else {
            wrong_type(node, key, Self::WHAT, sink);
            return None;
        };
        let mut items = Vec::with_capacity(nodes.len());
        let key = format!("an entry of `{key}`");
        for node in nodes {
            if let Field::Given(item) = field(node, &key, sink) {
                items.push(item);
            }
        }
        let complete = items.len() == nodes.len();
        Some(Self { items, complete })
    }

    fn schema() -> Json {
        json!({"type": "array", "items": T::schema()})
    }
}

/// One value, or a list of such.
#[derive(Clone, Debug)]
pub(crate) struct OneOrMany<T>(pub List<T>);

impl<T: Shape> Shape for OneOrMany<T> {
    const WHAT: &'static str = T::WHAT;

    fn decode(node: &Node, key: &str, sink: &mut Sink<'_>) -> Option<Self> {
        if let Value::List(_) = node.value {
            return List::decode(node, key, sink).map(Self);
        }
        let item = Spanned { value: T::decode(node, key, sink)?, span: node.span };
        Some(Self(List { items: vec![item], complete: true }))
    }

    fn schema() -> Json {
        json!({"anyOf": [T::schema(), List::<T>::schema()]})
    }
}

/// A mapping with free keys, in file order.
#[derive(Clone, Debug)]
pub(crate) struct MapOf<T> {
    pub entries: Vec<(Spanned<String>, Spanned<T>)>,
}

impl<T: Shape> Shape for MapOf<T> {
    const WHAT: &'static str = "a mapping";

    fn decode(node: &Node, key: &str, sink: &mut Sink<'_>) -> Option<Self> {
        let Value::Map(nodes) = &node.value else {
            wrong_type(node, key, Self::WHAT, sink);
            return None;
        };
        let mut entries = Vec::with_capacity(nodes.len());
        for entry in nodes {
            if let Field::Given(value) = field(&entry.value, &entry.key, sink) {
                entries.push((Spanned { value: entry.key.clone(), span: entry.at }, value));
            }
        }
        Some(Self { entries })
    }

    fn schema() -> Json {
        json!({"type": "object", "additionalProperties": T::schema()})
    }
}

impl Shape for bool {
    const WHAT: &'static str = "true or false";

    fn decode(node: &Node, key: &str, sink: &mut Sink<'_>) -> Option<Self> {
        if let Value::Scalar(scalar) = &node.value
            && let Plain::Bool(value) = scalar.plain()
        {
            return Some(value);
        }
        let diagnostic = mismatch(node, key, Self::WHAT);
        sink.push(match node.text().map(str::to_ascii_lowercase).as_deref() {
            Some("yes" | "on" | "y" | "1" | "true") => diagnostic.help("write true, without quotes"),
            Some("no" | "off" | "n" | "0" | "false") => diagnostic.help("write false, without quotes"),
            _ => diagnostic.help("write true or false"),
        });
        None
    }

    fn schema() -> Json {
        or_variable(&json!({"type": "boolean"}))
    }
}

/// Says that the value has the wrong type.
pub(crate) fn wrong_type(node: &Node, key: &str, want: &str, sink: &mut Sink<'_>) {
    let help = match (&node.value, want) {
        (Value::Scalar(scalar), "a list")
            if scalar.plain() != Plain::Null && !scalar.text.contains("://") =>
        {
            format!(
                "write [{}]",
                scalar.text.chars().take(40).filter(|c| !c.is_control()).collect::<String>()
            )
        }
        _ if key == DOCUMENT => "begin with apiVersion, kind, metadata and spec".to_owned(),
        _ => format!("write {want}, or remove the key"),
    };
    sink.push(mismatch(node, key, want).help(help));
}

/// How a message calls the value of a key. What is no key comes with its article.
pub(crate) fn title(key: &str) -> Cow<'_, str> {
    if key.starts_with("an ") || key.starts_with("the ") { key.into() } else { quote(key).into() }
}

/// The finding that a value has the wrong type, without help.
pub(crate) fn mismatch(node: &Node, key: &str, want: &str) -> Diagnostic {
    let what = node.what();
    if what == "empty" {
        let at = if node.span.start < node.span.end { node.span } else { node.head };
        return Diagnostic::error(Code::WrongType, format!("{} has no value", title(key))).at(at, "");
    }
    let message = format!("{} is {what}, not {want}", title(key));
    let at = if matches!(node.value, Value::Scalar(_)) { node.span } else { node.head };
    Diagnostic::error(Code::WrongType, message).at(at, format!("expected {want}"))
}

/// The schema, or any text with a variable in it, which can only be judged when the variable is known.
pub(crate) fn or_variable(schema: &Json) -> Json {
    json!({"anyOf": [schema, {"$ref": "#/$defs/variable"}]})
}
