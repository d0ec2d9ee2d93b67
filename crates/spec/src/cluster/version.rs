//! k3s release versions and their order.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A k3s release such as `v1.36.4+k3s1` or `v1.37.0-rc1+k3s1`.
///
/// Ordered by minor, patch, pre-release, then k3s's own number, which semver would ignore
/// (`+k3s2` is newer than `+k3s1`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Version {
    /// Kubernetes minor: 36 in `v1.36.4+k3s1`.
    pub minor: u16,
    /// Kubernetes patch: 4 in `v1.36.4+k3s1`.
    pub patch: u16,
    /// Number of the release candidate, if it is one.
    pub candidate: Option<u16>,
    /// k3s's own number: 1 in `v1.36.4+k3s1`.
    pub k3s: u16,
}

impl Version {
    fn rank(&self) -> (u16, u16, u16, u16) {
        (self.minor, self.patch, self.candidate.unwrap_or(u16::MAX), self.k3s)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Version {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "v1.{}.{}", self.minor, self.patch)?;
        if let Some(candidate) = self.candidate {
            write!(out, "-rc{candidate}")?;
        }
        write!(out, "+k3s{}", self.k3s)
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text).ok_or_else(|| "is not of the form v1.MINOR.PATCH+k3sN, as in v1.36.4+k3s1".to_owned())
    }
}

fn parse(text: &str) -> Option<Version> {
    let (core, k3s) = text.strip_prefix("v1.")?.split_once("+k3s")?;
    let (core, candidate) = match core.split_once("-rc") {
        Some((core, candidate)) => (core, Some(number(candidate)?)),
        None => (core, None),
    };
    let (minor, patch) = core.split_once('.')?;
    Some(Version { minor: number(minor)?, patch: number(patch)?, candidate, k3s: number(k3s)? })
}

/// Digits only, no sign, no leading zero.
fn number(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

impl TryFrom<String> for Version {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}
impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}
