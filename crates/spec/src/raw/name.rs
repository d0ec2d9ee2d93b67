//! Names and versions as they are written.

use serde_json::{Value as Json, json};

use super::text::{Text, Wrong};
use crate::{
    cluster::Version,
    diagnostic::Code,
    k3s,
    name::{ClusterName, DnsName, NodeName},
};

impl Text for ClusterName {
    const WHAT: &'static str = "a name such as harbor";

    fn read(text: &str) -> Result<Self, Wrong> {
        text.parse().map_err(|why: String| named(text, &why))
    }

    fn schema() -> Json {
        json!({"type": "string", "maxLength": 63, "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"})
    }
}

impl Text for NodeName {
    const WHAT: &'static str = "a name such as harbor-1";

    fn read(text: &str) -> Result<Self, Wrong> {
        text.parse().map_err(|why: String| named(text, &why))
    }

    fn schema() -> Json {
        json!({"type": "string", "maxLength": 63, "pattern": "^[a-z0-9]+([-.][a-z0-9]+)*$"})
    }
}

impl Text for DnsName {
    const WHAT: &'static str = "a DNS name such as api.harbor.example.org";

    fn read(text: &str) -> Result<Self, Wrong> {
        text.parse().map_err(|why: String| Wrong::new(Code::InvalidName, why).help(lower(text)))
    }

    fn schema() -> Json {
        json!({"type": "string", "maxLength": 253, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"})
    }
}

fn named(text: &str, why: &str) -> Wrong {
    let code = if why.contains("'--'") { Code::DoubleHyphen } else { Code::InvalidName };
    let help =
        if code == Code::DoubleHyphen { format!("write {}", text.replace("--", "-")) } else { lower(text) };
    Wrong::new(code, why).help(help)
}

/// A name of the same look that would be allowed.
fn lower(text: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() || c == '.' { c.to_ascii_lowercase() } else { '-' };
    let mapped: String = text.chars().take(63).map(fit).collect();
    let words: Vec<_> = mapped.split(['-']).filter(|word| !word.is_empty()).collect();
    let name = words.join("-");
    if name.is_empty() || name.contains("..") {
        "use a-z, 0-9 and '-'".to_owned()
    } else {
        format!("write {name}")
    }
}

impl Text for Version {
    const WHAT: &'static str = "a k3s release such as v1.36.4+k3s1";

    fn read(text: &str) -> Result<Self, Wrong> {
        let invalid = |why: &str| Wrong::new(Code::InvalidVersion, why);
        let version: Self = text.parse().map_err(|why: String| match repaired(text) {
            Some(version) => invalid(&why).help(format!("write {version}")),
            None => invalid(&why),
        })?;
        k3s::release::exists(&version).map_err(|why| invalid(&why))?;
        k3s::release::supported(&version).map_err(|why| {
            Wrong::new(Code::UnsupportedVersion, why).help(format!(
                "write a version of v1.{} to v1.{}",
                k3s::release::OLDEST,
                k3s::release::NEWEST
            ))
        })?;
        Ok(version)
    }

    fn schema() -> Json {
        json!({"type": "string", "pattern": "^v1\\.[0-9]+\\.[0-9]+(-rc[0-9]+)?\\+k3s[0-9]+$"})
    }
}

/// The version that was probably meant: without `v`, with `-k3s1` as image tags write it, or without k3s's number.
fn repaired(text: &str) -> Option<Version> {
    let text = text.trim().to_ascii_lowercase().replace("-k3s", "+k3s");
    let text = if text.starts_with('v') { text } else { format!("v{text}") };
    let full = if text.contains('+') { text } else { format!("{text}+k3s1") };
    full.parse().ok().filter(|version| k3s::release::exists(version).is_ok())
}
