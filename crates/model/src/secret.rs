//! Secret values in memory, and what stands for them everywhere else.

use std::fmt;

use serde::{Deserialize, Serialize};
use spec::cluster::SecretRef;
use zeroize::Zeroizing;

use crate::step::StepId;

/// A secret value: wiped when dropped, never serialised, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for the one place that hands them on to a host or an API.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret(…)")
    }
}

/// Where the engine finds a secret when a step needs it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SecretSource {
    /// The operator's environment or disk.
    Operator(SecretRef),
    /// The secret reply of an earlier step of the same plan.
    Step(StepId),
}

/// What a file shall hold: text, with places where a secret goes in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content(pub Vec<Piece>);

/// One part of a [`Content`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Piece {
    /// Public text.
    Text(String),
    /// A secret, written as `quote` says.
    Secret {
        /// Where it comes from.
        source: SecretSource,
        /// How it is written.
        quote: Quote,
    },
}

/// How a secret is written into its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Quote {
    /// Byte for byte.
    Raw,
    /// As a JSON string, which YAML reads too; trailing newlines are dropped, the bytes must be UTF-8.
    Json,
}

impl Content {
    /// Public text alone.
    pub fn text(text: impl Into<String>) -> Self {
        Self(vec![Piece::Text(text.into())])
    }

    /// One secret alone, byte for byte.
    pub fn secret(source: SecretSource) -> Self {
        Self(vec![Piece::Secret { source, quote: Quote::Raw }])
    }

    /// Whether any part is secret.
    pub fn is_secret(&self) -> bool {
        self.sources().next().is_some()
    }

    /// The secrets it needs.
    pub fn sources(&self) -> impl Iterator<Item = &SecretSource> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Secret { source, .. } => Some(source),
            Piece::Text(_) => None,
        })
    }

    /// The whole text when nothing in it is secret.
    pub fn public(&self) -> Option<String> {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => Some(text.as_str()),
                Piece::Secret { .. } => None,
            })
            .collect()
    }

    /// The text for people, with `‹…›` where secrets stand.
    pub fn redacted(&self) -> String {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Secret { source: SecretSource::Operator(from), .. } => format!("‹{from}›"),
                Piece::Secret { source: SecretSource::Step(step), .. } => format!("‹secret of {step}›"),
            })
            .collect()
    }

    /// The bytes, with secrets looked up. `None` from `look` means the secret is not at hand, and is named in the
    /// error.
    pub fn resolve(&self, look: &dyn Fn(&SecretSource) -> Option<Secret>) -> Result<Secret, SecretSource> {
        let mut bytes = Vec::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => bytes.extend_from_slice(text.as_bytes()),
                Piece::Secret { source, quote } => {
                    let secret = look(source).ok_or_else(|| source.clone())?;
                    write_quoted(&mut bytes, secret.expose(), *quote);
                }
            }
        }
        Ok(Secret::new(bytes))
    }
}

fn write_quoted(out: &mut Vec<u8>, secret: &[u8], quote: Quote) {
    match quote {
        Quote::Raw => out.extend_from_slice(secret),
        Quote::Json => {
            let text = String::from_utf8_lossy(secret);
            let text =
                serde_json::to_string(text.trim_end_matches(['\r', '\n'])).expect("text always serialises");
            out.extend_from_slice(text.as_bytes());
        }
    }
}
