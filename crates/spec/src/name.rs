//! Names that are checked once and then carried as types.
//!
//! Owns: what a cluster, a node or a DNS name may look like. Must not: know where in a file a name stood.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $type {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.pad(&self.0)
            }
        }
        impl FromStr for $type {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                $check(text).map(|()| Self(text.to_owned()))
            }
        }
        impl TryFrom<String> for $type {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                $check(&text).map(|()| Self(text))
            }
        }
        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }
    };
}

name!(
    /// A cluster's name: one DNS label without `--` (which separates service and cluster in ingress names).
    ClusterName,
    label
);
name!(
    /// A node's name, which is also its Kubernetes name: a DNS subdomain of at most 63
    /// characters without `--`.
    NodeName,
    subdomain
);
name!(
    /// A DNS name, at most 253 characters of labels joined by dots.
    DnsName,
    dns
);

fn label(text: &str) -> Result<(), String> {
    plain_label(text)?;
    if text.contains("--") {
        return Err("has '--', which separates a service from its cluster in ingress names".into());
    }
    Ok(())
}

fn plain_label(text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > 63 {
        return Err("must have 1 to 63 characters".into());
    }
    if let Some(bad) = text.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-')) {
        return Err(format!("has {bad:?}; only a-z, 0-9 and '-' are allowed"));
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Err("must begin and end with a letter or digit".into());
    }
    Ok(())
}

/// At most 63 characters: the name becomes the value of the Node's label kubernetes.io/hostname.
fn subdomain(text: &str) -> Result<(), String> {
    if text.len() > 63 {
        return Err("must have at most 63 characters".into());
    }
    text.split('.').try_for_each(label)
}

/// `--` is allowed: internationalised names have it.
fn dns(text: &str) -> Result<(), String> {
    if text.len() > 253 {
        return Err("must have at most 253 characters".into());
    }
    text.split('.').try_for_each(plain_label)
}
