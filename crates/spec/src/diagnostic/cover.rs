//! What no picture and no message shows: places where somebody may have written a secret.
//!
//! Owns: guessing such places, from keys and from the form of addresses, wherever they stand and whatever stands around
//! them. Must not: judge them; a guess hides and refuses nothing.

use super::{Code, Diagnostic, Span};
use crate::yaml::{Node, Plain, Value};

/// Words in a key, written small and without dashes, whose value may be a secret.
const WORDS: [&str; 11] = [
    "token",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "credential",
    "privatekey",
    "accesskey",
    "apikey",
    "endpoint",
    "auth",
];

/// Places of values in this tree that may be secrets: all that is not a reference under a key that speaks of one.
pub(crate) fn guess(node: &Node) -> Vec<Span> {
    let mut found = Vec::new();
    walk(node, false, &mut found);
    found
}

fn walk(node: &Node, secret: bool, found: &mut Vec<Span>) {
    match &node.value {
        Value::Scalar(scalar) => {
            let plain = matches!(scalar.plain(), Plain::Null | Plain::Bool(_));
            found.extend((secret && !plain).then_some(node.span));
        }
        Value::List(nodes) => nodes.iter().for_each(|node| walk(node, secret, found)),
        Value::Map(entries) => {
            for entry in entries {
                let names =
                    matches!((entry.key.as_str(), &entry.value.value), ("env" | "file", Value::Scalar(_)));
                let secret = secret && !names || speaks_of_secret(&entry.key);
                walk(&entry.value, secret, found);
            }
        }
        Value::Broken => found.extend(secret.then_some(node.span)),
    }
}

/// Whether the value of a key may be a secret, one letter amiss or not. A key that asks for a file names one.
fn speaks_of_secret(key: &str) -> bool {
    if key.len() < 3 || key.len() > 64 {
        return false;
    }
    let key: String = key.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase();
    let amiss =
        |word: &str| key.len().abs_diff(word.len()) <= 1 && strsim::damerau_levenshtein(&key, word) == 1;
    !key.ends_with("file")
        && (key == "external" || WORDS.iter().any(|word| key.contains(word) || amiss(word)))
}

/// The text in which everything that may be a secret is stars, byte for byte, so that all other places stay where they
/// are.
pub(super) fn cover(text: &str, diagnostics: &[Diagnostic]) -> String {
    let mut spans: Vec<Span> =
        diagnostics.iter().flat_map(|diagnostic| &diagnostic.covered).copied().collect();
    spans.extend(logins(text));
    let broken =
        |diagnostic: &Diagnostic| matches!(diagnostic.code, Code::YamlSyntax | Code::YamlUnsupported);
    if diagnostics.iter().any(broken) {
        spans.extend(lines(text));
    }
    let mut covered = text.to_owned();
    for span in spans {
        let (start, end) = (text.floor_char_boundary(span.start), text.ceil_char_boundary(span.end));
        let stars = |c: char| if c == '\n' { "\n".to_owned() } else { "*".repeat(c.len_utf8()) };
        covered.replace_range(start..end, &text[start..end].chars().map(stars).collect::<String>());
    }
    covered
}

/// The part between `://` and `@` of every address that names a password.
pub(super) fn logins(text: &str) -> impl Iterator<Item = Span> {
    text.match_indices("://").filter_map(|(at, mark)| {
        let start = at + mark.len();
        let rest = &text[start..];
        let end =
            rest.find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '/')).unwrap_or(rest.len());
        let login = &rest[..rest[..end].rfind('@')?];
        login.contains(':').then_some(Span { start, end: start + login.len() })
    })
}

/// What stands behind a key that speaks of a secret, and below it: for text that is no YAML, or none that is used here, and has no
/// whole tree.
fn lines(text: &str) -> Vec<Span> {
    let (mut found, mut start, mut below) = (Vec::new(), 0, None);
    for line in text.split_inclusive('\n') {
        let base = start;
        start += line.len();
        let indent = line.len() - line.trim_start().len();
        if below.is_some_and(|outer| indent > outer || line.trim().is_empty()) {
            found.push(Span { start: base, end: start });
            continue;
        }
        below = None;
        let mut colons = line.match_indices(':').map(|(at, _)| at);
        let Some(at) = colons.find(|at| speaks_of_secret(last_word(&line[..*at]))) else { continue };
        let value = line[at + 1..].trim();
        if !is_reference(value) {
            found.push(Span { start: base + at + 1, end: start });
        }
        below = (value.is_empty() || value.starts_with(['|', '>'])).then_some(indent);
    }
    found
}

/// Whether a value is written as a reference to a secret, with nothing beside it.
fn is_reference(value: &str) -> bool {
    let inner = value.strip_prefix('{').and_then(|rest| Some(rest.split_once('}')?.0.trim()));
    inner.is_some_and(|inner| {
        !inner.contains([',', '[', '{']) && (inner.starts_with("env:") || inner.starts_with("file:"))
    })
}

fn last_word(text: &str) -> &str {
    let text = text.trim_end().trim_end_matches(['"', '\'']);
    text.rsplit(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))).next().unwrap_or_default()
}
