//! `artifacts.source` as it is written.

use serde_json::{Value as Json, json};

use super::{
    choice::Choice,
    reader::section,
    shape::Shape,
    text::{Text, Wrong},
};
use crate::{
    cluster::ArtifactSource,
    diagnostic::{Code, Sink},
    yaml::{Node, Value},
};

/// `release`, `upload` or `{mirror: URL}`.
#[derive(Clone, Debug)]
pub(crate) struct Source(pub ArtifactSource);

#[derive(Clone, Copy)]
struct Word(bool);

impl Choice for Word {
    const WHAT: &'static str = "release, upload or {mirror: https://…}";
    const WORDS: &'static [(&'static str, Self)] = &[("release", Self(false)), ("upload", Self(true))];

    fn outside(word: &str) -> Option<Wrong> {
        let mirror = word == "mirror" || word.starts_with("http");
        mirror.then(|| {
            Wrong::new(Code::UnknownValue, "is not one of its values")
                .help("write {mirror: https://…} with the base URL of the mirror")
        })
    }
}

/// The base URL of a mirror.
#[derive(Clone, Debug)]
pub(crate) struct Url(String);

impl Text for Url {
    const WHAT: &'static str = "a URL such as https://mirror.example.org/k3s";

    fn read(text: &str) -> Result<Self, Wrong> {
        let wrong = |why: &str| Wrong::new(Code::InvalidValue, why);
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let rest = rest.ok_or_else(|| wrong("does not begin with https:// or http://"))?;
        let host = rest.split('/').next().unwrap_or_default();
        if host.contains('@') {
            return Err(Wrong::secret("holds a password").help("use a mirror that hosts reach without one"));
        }
        let plain =
            |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '"' | '\'' | '\\' | '`' | '<' | '>');
        if host.is_empty() || host.starts_with(['-', ':']) || !rest.chars().all(plain) {
            return Err(wrong("is not a plain URL of a host and a path"));
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }

    fn schema() -> Json {
        json!({"type": "string", "pattern": "^https?://"})
    }
}

section! {
    /// A copy of the release files elsewhere.
    Mirror {
        /// Base URL; below it the files have the paths and names of the release page.
        mirror: required "mirror" Url,
    }
}

impl Shape for Source {
    const WHAT: &'static str = <Word as Choice>::WHAT;

    fn decode(node: &Node, key: &str, sink: &mut Sink<'_>) -> Option<Self> {
        if let Value::Map(_) = node.value {
            let mirror = Mirror::decode(node, key, sink)?;
            return mirror.mirror.get().map(|url| Self(ArtifactSource::Mirror(url.0.clone())));
        }
        let Word(upload) = Word::decode(node, key, sink)?;
        Some(Self(if upload { ArtifactSource::Upload } else { ArtifactSource::Release }))
    }

    fn schema() -> Json {
        json!({"anyOf": [<Word as Shape>::schema(), Mirror::schema()]})
    }
}
