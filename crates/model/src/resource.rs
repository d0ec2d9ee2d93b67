//! Stable names of the things that should be.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A resource on one host: its kind and its name, as in `file:/etc/motd` or `service:k3s`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResourceId {
    /// What kind of thing it is.
    pub kind: Kind,
    /// Path or name; no control characters.
    pub name: String,
}

/// The kinds of resources on a host. The kind decides what removal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A file or link: deleted, or what was there before given back.
    File,
    /// A directory: removed when empty.
    Dir,
    /// Mode and owner of something that was there: given back.
    Mode,
    /// Whether a service is enabled and runs: given back.
    Service,
    /// A package: never removed, only no longer owned.
    Package,
    /// A loaded module or running kernel setting: stays until reboot, only no longer owned.
    Kernel,
}

impl Kind {
    /// All of them, with the word each is written by.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::File, "file"),
        (Self::Dir, "dir"),
        (Self::Mode, "mode"),
        (Self::Service, "service"),
        (Self::Package, "package"),
        (Self::Kernel, "kernel"),
    ];

    /// The word it is written by.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("file", |(_, word)| word)
    }
}

impl ResourceId {
    /// A resource of this kind and name.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.kind.as_str(), self.name)
    }
}

impl TryFrom<String> for ResourceId {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let (word, name) = text.split_once(':').ok_or_else(|| format!("{text:?} has no kind"))?;
        let kind = Kind::ALL.iter().find(|(_, known)| *known == word);
        let (kind, _) = kind.ok_or_else(|| format!("{word:?} is no kind of resource"))?;
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(format!("{text:?} has no usable name"));
        }
        Ok(Self::new(*kind, name))
    }
}
impl From<ResourceId> for String {
    fn from(id: ResourceId) -> Self {
        id.to_string()
    }
}
