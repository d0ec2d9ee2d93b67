//! Values that are written as text, and the plainest of them.
//!
//! Owns: the trait by which text becomes a type. Must not: accept a number or a boolean where text is meant; quotes
//! are asked for instead, since YAML would change `1.10` and `0644`.

use serde_json::{Value as Json, json};

use super::shape::{Shape, mismatch, or_variable, title};
use crate::{
    diagnostic::{Code, Diagnostic, Sink, quote},
    yaml::{Node, Plain, Value},
};

/// A type that is written as text.
pub(crate) trait Text: Sized {
    /// What it is, with an example: "an IP address such as 192.168.1.10".
    const WHAT: &'static str;

    fn read(text: &str) -> Result<Self, Wrong>;

    /// What a JSON Schema can say about the text.
    fn schema() -> Json {
        json!({"type": "string"})
    }
}

/// Why a text is refused.
pub(crate) struct Wrong {
    pub code: Code,
    /// Continues the quoted text: "is not an IP address".
    pub why: String,
    /// What to write; without it, `WHAT`.
    pub help: Option<String>,
    /// Whether the text may be repeated in the message.
    pub secret: bool,
}

impl Wrong {
    pub(crate) fn new(code: Code, why: impl Into<String>) -> Self {
        Self { code, why: why.into(), help: None, secret: false }
    }

    pub(crate) fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    pub(crate) fn secret(why: impl Into<String>) -> Self {
        Self { secret: true, ..Self::new(Code::SecretInPlainText, why) }
    }

    pub(crate) fn diagnostic(self, node: &Node, key: &str, text: &str, what: &str) -> Diagnostic {
        let text = if self.secret { "the text".to_owned() } else { quote(text) };
        let message = format!("{}: {text} {}", title(key), self.why);
        let help = self.help.unwrap_or_else(|| format!("write {what}"));
        let diagnostic = Diagnostic::error(self.code, message).at(node.span, "").help(help);
        if self.secret { diagnostic.cover(node.span) } else { diagnostic }
    }
}

impl<T: Text> Shape for T {
    const WHAT: &'static str = <T as Text>::WHAT;

    fn decode(node: &Node, key: &str, sink: &mut Sink<'_>) -> Option<Self> {
        let what = <T as Text>::WHAT;
        let help = format!("write {what}");
        let Value::Scalar(scalar) = &node.value else {
            sink.push(mismatch(node, key, what).help(help));
            return None;
        };
        match scalar.plain() {
            Plain::Text(text) => {
                T::read(text).map_err(|wrong| sink.push(wrong.diagnostic(node, key, text, what))).ok()
            }
            Plain::Null => {
                sink.push(mismatch(node, key, what).help(format!("{help}, or remove the key")));
                None
            }
            Plain::Bool(_) | Plain::Int(_) | Plain::Number => {
                let quoted = format!("if it is meant as text, put it in quotes: \"{}\"", scalar.text);
                let help = if T::read(&scalar.text).is_ok() { quoted } else { help };
                sink.push(mismatch(node, key, what).help(help));
                None
            }
        }
    }

    fn schema() -> Json {
        let schema = <T as Text>::schema();
        if schema.as_object().is_some_and(|object| object.len() > 1) { or_variable(&schema) } else { schema }
    }
}

impl Text for String {
    const WHAT: &'static str = "text";

    fn read(text: &str) -> Result<Self, Wrong> {
        Ok(text.to_owned())
    }
}

/// Text, or a number as its text.
#[derive(Clone, Debug)]
pub(crate) struct Loose(pub String);

impl Shape for Loose {
    const WHAT: &'static str = "text or a number";

    fn decode(node: &Node, key: &str, sink: &mut Sink<'_>) -> Option<Self> {
        if let Value::Scalar(scalar) = &node.value
            && matches!(scalar.plain(), Plain::Text(_) | Plain::Int(_) | Plain::Number)
        {
            return Some(Self(scalar.text.clone()));
        }
        sink.push(mismatch(node, key, Self::WHAT).help("write the value as sysctl prints it"));
        None
    }

    fn schema() -> Json {
        json!({"type": ["string", "number"]})
    }
}

/// A file's permission bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileMode(pub u32);

impl Text for FileMode {
    const WHAT: &'static str = "a file mode in quotes such as \"0644\"";

    fn read(text: &str) -> Result<Self, Wrong> {
        let octal = text.bytes().all(|byte| matches!(byte, b'0'..=b'7')) && matches!(text.len(), 3 | 4);
        let mode = u32::from_str_radix(text, 8).ok().filter(|_| octal);
        mode.map(Self)
            .ok_or_else(|| Wrong::new(Code::InvalidValue, "is not a file mode of three or four octal digits"))
    }

    fn schema() -> Json {
        json!({"type": "string", "pattern": "^[0-7]{3,4}$"})
    }
}
