//! References to secrets.
//!
//! Owns: the only form in which a cluster file may speak of a secret. Must not: repeat in any message what stands
//! where a reference belongs.

use serde_json::{Value as Json, json};

use super::shape::{Shape, title};
use crate::{
    cluster::SecretRef,
    diagnostic::{Code, Diagnostic, Sink},
    k3s,
    yaml::{Node, Plain, Value},
};

/// How a reference is written.
pub(crate) const FORM: &str = "write {env: NAME} or {file: path}; the value is read when the plan is applied";

impl Shape for SecretRef {
    const WHAT: &'static str = "a reference to a secret, {env: NAME} or {file: path}";

    fn decode(node: &Node, key: &str, sink: &mut Sink<'_>) -> Option<Self> {
        match &node.value {
            Value::Map(entries) => match entries.as_slice() {
                [entry] => reference(&entry.key, &entry.value, key, sink),
                _ => refuse(Code::WrongType, "must have one key, env or file", node, key, sink),
            },
            Value::Scalar(scalar) => {
                let why = match (scalar.variable, scalar.plain()) {
                    (true, _) => "takes a reference; a variable would put the secret into the plan",
                    (_, Plain::Null) => return refuse(Code::WrongType, "has no value", node, key, sink),
                    _ => "takes a reference to a secret, not the secret",
                };
                refuse(Code::SecretInPlainText, why, node, key, sink)
            }
            Value::List(_) | Value::Broken => {
                refuse(Code::WrongType, "is no reference to a secret", node, key, sink)
            }
        }
    }

    fn schema() -> Json {
        json!({
            "type": "object",
            "properties": {
                "env": {"type": "string", "description": "An environment variable of the operator's process."},
                "file": {"type": "string", "description": "A file on the operator's machine."},
            },
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": false,
        })
    }
}

/// Whether the value of this key, wherever it stands, is a reference to a secret.
pub(crate) fn takes_secret(key: &str) -> bool {
    matches!(key, "secret" | "endpoint") || k3s::secret(key)
}

/// Reads a reference to a secret outside of any section.
pub(crate) fn secret(node: &Node, key: &str, sink: &mut Sink<'_>) -> Option<SecretRef> {
    SecretRef::decode(node, key, sink)
}

fn reference(kind: &str, node: &Node, key: &str, sink: &mut Sink<'_>) -> Option<SecretRef> {
    let text = String::decode(node, kind, sink)?;
    match kind {
        "env" if is_variable(&text) => Some(SecretRef::Env(text)),
        "env" => refuse(Code::InvalidValue, "names no environment variable", node, key, sink),
        "file" if !text.is_empty() && !text.contains('\0') => Some(SecretRef::File(text)),
        "file" => refuse(Code::InvalidValue, "names no file", node, key, sink),
        _ => refuse(Code::UnknownKey, "knows only env and file", node, key, sink),
    }
}

fn is_variable(text: &str) -> bool {
    let word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    word && !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit())
}

fn refuse(code: Code, why: &str, node: &Node, key: &str, sink: &mut Sink<'_>) -> Option<SecretRef> {
    let diagnostic = Diagnostic::error(code, format!("{} {why}", title(key))).at(node.span, "");
    sink.push(diagnostic.cover(node.span).help(FORM));
    None
}
