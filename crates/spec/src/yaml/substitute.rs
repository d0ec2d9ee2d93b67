//! Variables in values.
//!
//! Owns: the grammar `${NAME}`, `${NAME:-default}` and `$$`. It works on values after YAML has been read, so no
//! variable can bring in keys or lists; keys are left alone. Must not: read the environment itself.

use super::{Node, Scalar, Value};
use crate::diagnostic::{Code, Diagnostic, Sink, Span, quote};

/// Looks up a variable.
pub(crate) type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Puts variables into every value of the tree. A value that cannot be completed is reported and broken.
///
/// Under a key that `bare` names, no variable may stand at all: whether it is set does not matter there, and what it
/// holds is not asked for.
pub(crate) fn substitute(
    node: &mut Node,
    text: &str,
    env: Env<'_>,
    bare: fn(&str) -> bool,
    sink: &mut Sink<'_>,
) {
    match &mut node.value {
        Value::Scalar(scalar) => {
            if scalar.text.contains('$') && !fill(scalar, text, node.span, env, sink) {
                node.value = Value::Broken;
            }
        }
        Value::List(items) => items.iter_mut().for_each(|item| substitute(item, text, env, bare, sink)),
        Value::Map(entries) => {
            for entry in entries {
                match &mut entry.value.value {
                    Value::Scalar(scalar) if bare(&entry.key) && names_variable(&scalar.text) => {
                        scalar.variable = true;
                    }
                    _ => substitute(&mut entry.value, text, env, bare, sink),
                }
            }
        }
        Value::Broken => {}
    }
}

fn names_variable(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, piece, after)) = next(rest) {
        if matches!(piece, Piece::Variable { .. }) {
            return true;
        }
        rest = after;
    }
    false
}

/// Returns whether every variable was found.
fn fill(scalar: &mut Scalar, text: &str, at: Span, env: Env<'_>, sink: &mut Sink<'_>) -> bool {
    let mut out = String::with_capacity(scalar.text.len());
    let mut rest = scalar.text.as_str();
    let (mut whole, mut variable) = (true, false);
    while let Some((before, piece, after)) = next(rest) {
        out += before;
        rest = after;
        match piece {
            Piece::Dollar => out.push('$'),
            Piece::Variable { source, name, default } => {
                variable = true;
                match (env(name), default) {
                    (Some(value), None) => out += &value,
                    (Some(value), Some(_)) if !value.is_empty() => out += &value,
                    (_, Some(default)) => out += default,
                    (None, None) => {
                        whole = false;
                        sink.push(unset(name, place(text, at, source)));
                    }
                }
            }
            Piece::Bad { source } => {
                whole = false;
                sink.push(bad(source, place(text, at, source)));
            }
        }
    }
    out += rest;
    scalar.text = out;
    scalar.variable = variable;
    whole
}

enum Piece<'a> {
    Dollar,
    Variable { source: &'a str, name: &'a str, default: Option<&'a str> },
    Bad { source: &'a str },
}

/// The text up to the next piece, the piece, and the text after it. A dollar before anything else is text.
fn next(text: &str) -> Option<(&str, Piece<'_>, &str)> {
    let at = text.match_indices('$').map(|(at, _)| at).find(|at| text[at + 1..].starts_with(['$', '{']))?;
    let (before, rest) = text.split_at(at);
    if let Some(after) = rest.strip_prefix("$$") {
        return Some((before, Piece::Dollar, after));
    }
    let Some(end) = rest.find('}') else {
        return Some((before, Piece::Bad { source: rest }, ""));
    };
    let (source, after) = rest.split_at(end + 1);
    let inner = &source[2..end];
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inner, None),
    };
    let piece = if is_name(name) { Piece::Variable { source, name, default } } else { Piece::Bad { source } };
    Some((before, piece, after))
}

fn is_name(text: &str) -> bool {
    let word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    word && !text.is_empty() && !text.starts_with(|c: char| c.is_ascii_digit())
}

/// Where in the file the piece stands: inside the value where it reads the same there, else the whole value.
fn place(text: &str, at: Span, source: &str) -> Span {
    let found = text.get(at.start..at.end).and_then(|value| value.find(source));
    found.map_or(at, |offset| Span { start: at.start + offset, end: at.start + offset + source.len() })
}

fn unset(name: &str, at: Span) -> Diagnostic {
    Diagnostic::error(Code::UnsetVariable, format!("the variable {} is not set", quote(name)))
        .at(at, "")
        .help(format!("set it, write `${{{name}:-default}}`, or `$${{{name}}}` for the text itself"))
}

fn bad(source: &str, at: Span) -> Diagnostic {
    Diagnostic::error(Code::BadSubstitution, format!("{} names no variable", quote(source)))
        .at(at, "")
        .help("write `${NAME}` or `${NAME:-default}`; `$$` is a dollar sign")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> (String, bool) {
        let env = |name: &str| match name {
            "A" => Some("x".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let mut scalar = Scalar { text: text.to_owned(), bare: true, variable: false };
        let mut sink = Sink::new(text);
        let whole = fill(&mut scalar, text, Span { start: 0, end: text.len() }, &env, &mut sink);
        (scalar.text, whole)
    }

    #[test]
    fn variables_defaults_and_escapes() {
        for (text, expected) in [
            ("a ${A} b", "a x b"),
            ("${EMPTY}", ""),
            ("${EMPTY:-d}", "d"),
            ("${B:-}", ""),
            ("$$", "$"),
            ("$${A}", "${A}"),
            ("$A costs 5$", "$A costs 5$"),
            ("$$$$${A}", "$$x"),
        ] {
            assert_eq!(filled(text), (expected.to_owned(), true), "{text}");
        }
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in ["${B}", "${", "${}", "${a b}", "${1}", "${A"] {
            assert!(!filled(text).1, "{text}");
        }
    }
}
