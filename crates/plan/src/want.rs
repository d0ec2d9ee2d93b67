//! Resources that should be on a host, and how to look for each.
//!
//! Owns: the one list of wanted things that surveys, plans, renderings and status reports are all made from. Must not:
//! compare with what is there (`host`).

use std::collections::BTreeMap;

use model::{
    digest::Sha256,
    facts::FileMeta,
    op::{Look, Survey},
    resource::{Kind, ResourceId},
    secret::Content,
};

/// One resource that should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// A file with this content; a restart stamp follows from public content.
    File { path: String, meta: FileMeta, content: Content },
    /// A symbolic link.
    Link { path: String, target: String },
    /// Mode and owner of a path that is there.
    Meta { path: String, meta: FileMeta },
    /// A package.
    Package { name: String },
    /// A running kernel setting.
    Sysctl { key: String, value: String },
    /// A loaded module.
    Module { name: String },
    /// A service that is enabled or not, and runs or not.
    Service { name: String, enabled: bool, running: bool },
}

impl Want {
    /// A public file owned by root.
    pub(crate) fn file(path: &str, mode: u32, text: impl Into<String>) -> Self {
        Self::File { path: path.to_owned(), meta: root(mode), content: Content::text(text) }
    }

    /// The name it is owned by.
    pub(crate) fn resource(&self) -> ResourceId {
        match self {
            Self::File { path, .. } | Self::Link { path, .. } => ResourceId::new(Kind::File, path),
            Self::Meta { path, .. } => ResourceId::new(Kind::Mode, path),
            Self::Package { name } => ResourceId::new(Kind::Package, name),
            Self::Sysctl { key, .. } => ResourceId::new(Kind::Kernel, format!("sysctl {key}")),
            Self::Module { name } => ResourceId::new(Kind::Kernel, format!("module {name}")),
            Self::Service { name, .. } => ResourceId::new(Kind::Service, name),
        }
    }

    /// Adds what must be looked at to judge it.
    pub(crate) fn survey(&self, survey: &mut Survey) {
        match self {
            Self::File { path, content, .. } => {
                let look = match content.public() {
                    Some(text) => Look::Text(Some(Sha256::of(text.as_bytes()))),
                    None => Look::Secret(offer(content)),
                };
                survey.paths.insert(path.clone(), look);
            }
            Self::Link { path, .. } | Self::Meta { path, .. } => {
                survey.paths.entry(path.clone()).or_insert(Look::Meta);
            }
            Self::Package { name } => push(&mut survey.packages, name),
            Self::Sysctl { key, .. } => push(&mut survey.sysctls, key),
            Self::Module { name } => push(&mut survey.modules, name),
            Self::Service { name, .. } => push(&mut survey.services, name),
        }
    }
}

/// The content as a survey can offer it: only what the operator himself can resolve.
fn offer(content: &Content) -> Option<Content> {
    use model::secret::SecretSource;
    content.sources().all(|source| matches!(source, SecretSource::Operator(_))).then(|| content.clone())
}

fn push(list: &mut Vec<String>, name: &str) {
    if !list.iter().any(|known| known == name) {
        list.push(name.to_owned());
    }
}

/// Mode with root as owner and group.
pub(crate) fn root(mode: u32) -> FileMeta {
    FileMeta { mode, owner: "root".into(), group: "root".into() }
}

/// Kernel settings among the wants, by key.
pub(crate) fn sysctls(wants: &[Want]) -> BTreeMap<String, String> {
    wants
        .iter()
        .filter_map(|want| match want {
            Want::Sysctl { key, value } => Some((key.clone(), value.clone())),
            _ => None,
        })
        .collect()
}
