//! The `os` section and the taints of nodes, key by key.

use std::net::IpAddr;

use serde_json::{Value as Json, json};

use super::{
    reader::section,
    shape::{Field, List, MapOf, Shape, Spanned},
    text::{FileMode, Loose, Text, Wrong},
};
use crate::{
    cluster::{Effect, RootLogin, SecretRef, Taint},
    diagnostic::{Code, Sink, Span},
    name::NodeName,
    yaml::{Node, Value},
};

section! {
    /// The operating-system baseline and your own additions to it.
    Os {
        /// Whether coracle hardens the base system; true by default.
        baseline: optional "baseline" bool,
        /// What the hardened sshd allows.
        sshd: optional "sshd" Sshd,
        /// Text of /etc/motd.
        motd: optional "motd" String,
        /// Resolvers for pods that use the host's DNS.
        nameservers: optional "nameservers" List<IpAddr>,
        /// Further absolute paths that the integrity record watches.
        integrity: optional "integrity" List<String>,
        /// Files to place.
        files: optional "files" List<OsFile>,
        /// Services to enable or disable, start or stop.
        services: optional "services" List<Service>,
        /// Packages to install.
        packages: optional "packages" List<Item<Package>>,
        /// Kernel settings.
        sysctls: optional "sysctls" Sysctls,
        /// Kernel modules to load now and at boot.
        modules: optional "modules" List<Item<Module>>,
    }
}

section! {
    /// What the hardened sshd allows.
    Sshd {
        /// Whether passwords are accepted; false by default.
        password_authentication: optional "passwordAuthentication" bool,
        /// How root may log in: prohibit-password (default), "no" or "yes".
        permit_root_login: optional "permitRootLogin" RootLogin,
    }
}

section! {
    /// A file to place.
    OsFile {
        /// Absolute path on the host.
        path: required "path" String,
        /// The file's text.
        content: optional "content" String,
        /// A secret that is the file's content.
        secret: optional "secret" SecretRef,
        /// Permission bits in quotes, by default "0644", or "0600" for a secret.
        mode: optional "mode" FileMode,
        /// Owning user, by default root.
        owner: optional "owner" String,
        /// Owning group, by default root.
        group: optional "group" String,
        /// Service that is restarted when the file changes.
        restart: optional "restart" String,
        /// Only these nodes.
        nodes: optional "nodes" List<NodeName>,
        /// Only nodes with all of these labels.
        labels: optional "labels" MapOf<String>,
    }
}

section! {
    /// A service to enable or disable, start or stop.
    Service {
        /// Its name, without .service.
        name: required "name" String,
        /// Whether it starts at boot; true by default.
        enabled: optional "enabled" bool,
        /// Whether it runs now; true by default.
        running: optional "running" bool,
        /// Only these nodes.
        nodes: optional "nodes" List<NodeName>,
        /// Only nodes with all of these labels.
        labels: optional "labels" MapOf<String>,
    }
}

section! {
    /// A package to install.
    Package {
        /// Its name in the host's own package system.
        name: required "name" String,
        /// Only these nodes.
        nodes: optional "nodes" List<NodeName>,
        /// Only nodes with all of these labels.
        labels: optional "labels" MapOf<String>,
    }
}

section! {
    /// A kernel module to load now and at boot.
    Module {
        /// Its name.
        name: required "name" String,
        /// Only these nodes.
        nodes: optional "nodes" List<NodeName>,
        /// Only nodes with all of these labels.
        labels: optional "labels" MapOf<String>,
    }
}

section! {
    /// A kernel setting.
    SysctlEntry {
        /// Its dotted name.
        key: required "key" String,
        /// Its value as sysctl prints it.
        value: required "value" Loose,
        /// Only these nodes.
        nodes: optional "nodes" List<NodeName>,
        /// Only nodes with all of these labels.
        labels: optional "labels" MapOf<String>,
    }
}

/// A section that may be written as its name alone.
pub(crate) trait Named: Shape {
    fn named(name: Spanned<String>) -> Self;
}

impl Named for Package {
    fn named(name: Spanned<String>) -> Self {
        Self { name: Field::Given(name), nodes: Field::Absent, labels: Field::Absent }
    }
}

impl Named for Module {
    fn named(name: Spanned<String>) -> Self {
        Self { name: Field::Given(name), nodes: Field::Absent, labels: Field::Absent }
    }
}

/// A section, or its name alone.
#[derive(Clone, Debug)]
pub(crate) struct Item<T>(pub T);

impl<T: Named> Shape for Item<T> {
    const WHAT: &'static str = "a name or a mapping with a name";

    fn decode(node: &Node, key: &str, sink: &mut Sink<'_>) -> Option<Self> {
        if let Value::Map(_) = node.value {
            return T::decode(node, key, sink).map(Self);
        }
        let value = String::decode(node, key, sink)?;
        Some(Self(T::named(Spanned { value, span: node.span })))
    }

    fn schema() -> Json {
        json!({"anyOf": [{"type": "string"}, T::schema()]})
    }
}

/// A mapping of names to values, or a list of entries.
#[derive(Clone, Debug)]
pub(crate) struct Sysctls(pub Vec<Spanned<SysctlEntry>>);

impl Shape for Sysctls {
    const WHAT: &'static str = "a mapping of names to values, or a list";

    fn decode(node: &Node, key: &str, sink: &mut Sink<'_>) -> Option<Self> {
        if let Value::List(_) = node.value {
            return List::decode(node, key, sink).map(|list| Self(list.items));
        }
        let map: MapOf<Loose> = MapOf::decode(node, key, sink)?;
        Some(Self(map.entries.into_iter().map(|(key, value)| entry(key, value)).collect()))
    }

    fn schema() -> Json {
        json!({"anyOf": [MapOf::<Loose>::schema(), List::<SysctlEntry>::schema()]})
    }
}

fn entry(key: Spanned<String>, value: Spanned<Loose>) -> Spanned<SysctlEntry> {
    let span = Span { start: key.span.start, end: value.span.end };
    let (key, value) = (Field::Given(key), Field::Given(value));
    Spanned { value: SysctlEntry { key, value, nodes: Field::Absent, labels: Field::Absent }, span }
}

/// A taint as text or as a mapping.
#[derive(Clone, Debug)]
pub(crate) struct TaintEntry(pub Taint);

section! {
    /// A taint.
    TaintParts {
        /// Its qualified name.
        key: required "key" String,
        /// Its value.
        value: optional "value" String,
        /// What it does to pods that do not tolerate it.
        effect: required "effect" Effect,
    }
}

impl Shape for TaintEntry {
    const WHAT: &'static str = "a taint such as dedicated=db:NoSchedule";

    fn decode(node: &Node, key: &str, sink: &mut Sink<'_>) -> Option<Self> {
        if let Value::Map(_) = node.value {
            let parts = TaintParts::decode(node, key, sink)?;
            let value = parts.value.get().cloned().unwrap_or_default();
            return Some(Self(Taint { key: parts.key.get()?.clone(), value, effect: *parts.effect.get()? }));
        }
        Written::decode(node, key, sink).map(|written| Self(written.0))
    }

    fn schema() -> Json {
        json!({"anyOf": [{"type": "string"}, TaintParts::schema()]})
    }
}

struct Written(Taint);

impl Text for Written {
    const WHAT: &'static str = TaintEntry::WHAT;

    fn read(text: &str) -> Result<Self, Wrong> {
        let wrong = |why: &str| Wrong::new(Code::InvalidTaint, why);
        let (rest, effect) = text.rsplit_once(':').ok_or_else(|| wrong("has no effect after a colon"))?;
        let effect =
            <Effect as Text>::read(effect).map_err(|wrong| Wrong { code: Code::InvalidTaint, ..wrong })?;
        let (key, value) = rest.split_once('=').unwrap_or((rest, ""));
        Ok(Self(Taint { key: key.to_owned(), value: value.to_owned(), effect }))
    }
}
