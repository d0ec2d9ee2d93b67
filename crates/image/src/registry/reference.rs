//! Names of images in registries.
//!
//! Owns: their parts and defaults, as the usual tools have them. Must not: reach registries.

use std::{fmt, str::FromStr};

/// `registry/repository:tag`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Host, perhaps with port.
    pub registry: String,
    /// Path of the image there.
    pub repository: String,
    /// Tag; `latest` when none is given.
    pub tag: String,
}

/// Why a name is none.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no name to push to; write it like `registry.example.org/team/site:1.2`, in lower case, without digest"
)]
pub struct NoReference(String);

impl FromStr for Reference {
    type Err = NoReference;

    fn from_str(text: &str) -> Result<Reference, NoReference> {
        let wrong = || NoReference(text.to_owned());
        let (first, rest) = text.split_once('/').unwrap_or(("", text));
        let is_host = first.contains(['.', ':']) || first == "localhost";
        let (registry, path) = if is_host { (first, rest) } else { ("docker.io", text) };
        let (path, tag) = path.rsplit_once(':').unwrap_or((path, "latest"));
        let repository = if registry == "docker.io" && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        let segment = |segment: &str| {
            segment.starts_with(|first: char| first.is_ascii_alphanumeric())
                && segment
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte))
        };
        let is_tag = !tag.is_empty()
            && tag.len() <= 128
            && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        let is_registry = !registry.starts_with('.')
            && registry.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
        if is_tag && is_registry && repository.split('/').all(segment) {
            Ok(Reference { registry: registry.to_owned(), repository, tag: tag.to_owned() })
        } else {
            Err(wrong())
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.registry, self.repository, self.tag)
    }
}

impl Reference {
    /// Where the registry's API is: one on this machine speaks HTTP without TLS, as the usual tools assume.
    pub fn base(&self, plain: bool) -> String {
        let host = if self.registry == "docker.io" { "registry-1.docker.io" } else { &self.registry };
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let here = name == "localhost" || name == "[::1]" || name.starts_with("127.");
        format!("{}://{host}", if plain || here { "http" } else { "https" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        text.parse::<Reference>().map_or_else(
            |error| error.to_string(),
            |reference| format!("{} {reference}", reference.base(false)),
        )
    }

    #[test]
    fn names_get_the_usual_defaults() {
        assert_eq!(told("nginx"), "https://registry-1.docker.io docker.io/library/nginx:latest");
        assert_eq!(told("me/site:1"), "https://registry-1.docker.io docker.io/me/site:1");
        assert_eq!(told("ghcr.io/me/site:v1.2"), "https://ghcr.io ghcr.io/me/site:v1.2");
        assert_eq!(told("localhost:5000/a"), "http://localhost:5000 localhost:5000/a:latest");
        assert_eq!(told("127.0.0.1:5000/a:b"), "http://127.0.0.1:5000 127.0.0.1:5000/a:b");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            "Upper/case",
            "a b",
            "host.org/",
            "host.org/a:",
            "host.org/a@sha256:00",
            "host.org//a",
            "../a:b",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }
}
