//! Free k3s keys as they are written; which there are depends on the release, so they are judged later.

use serde_json::{Map, Value as Json, json};

use super::shape::{Shape, Spanned, wrong_type};
use crate::{
    cluster::SecretRef,
    diagnostic::Sink,
    k3s::{FLAGS, Kind, Use},
    yaml::{Node, Value},
};

/// k3s keys and their values, in file order.
#[derive(Clone, Debug)]
pub(crate) struct Config(pub Vec<(Spanned<String>, Node)>);

impl Shape for Config {
    const WHAT: &'static str = "a mapping of k3s keys";

    fn decode(node: &Node, key: &str, sink: &mut Sink<'_>) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            wrong_type(node, key, Self::WHAT, sink);
            return None;
        };
        let pair = |key: &str, span, node: &Node| (Spanned { value: key.to_owned(), span }, node.clone());
        Some(Self(entries.iter().map(|entry| pair(&entry.key, entry.at, &entry.value)).collect()))
    }

    fn schema() -> Json {
        let open = FLAGS.iter().filter(|flag| !matches!(flag.used, Use::Owned(_) | Use::Later));
        let properties: Map<_, _> = open
            .map(|flag| {
                let schema = if flag.secret { SecretRef::schema() } else { kind(flag.kind) };
                (flag.key.to_owned(), schema)
            })
            .collect();
        json!({"type": "object", "properties": properties, "additionalProperties": false})
    }
}

fn kind(kind: Kind) -> Json {
    match kind {
        Kind::Bool => bool::schema(),
        Kind::Int => json!({"anyOf": [{"type": "integer"}, {"$ref": "#/$defs/variable"}]}),
        Kind::Text | Kind::Duration => json!({"type": "string"}),
        Kind::OneOf(words) => json!({"anyOf": [{"enum": words}, {"$ref": "#/$defs/variable"}]}),
        Kind::List => json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
    }
}
