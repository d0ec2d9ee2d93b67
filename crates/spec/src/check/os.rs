//! The `os` section: entries and the nodes they are for, names, and what is not to be touched.

use std::collections::BTreeMap;

use super::{View, paths, view::NodeView};
use crate::{
    cluster::RootLogin,
    diagnostic::{Code, Diagnostic, Sink, Span, quote},
    k3s::SYSCTLS,
    name::NodeName,
    raw::{Field, Item, List, MapOf, Module, Os, OsFile, Package, Service, Spanned, SysctlEntry},
};

/// An entry that is for some nodes or all.
trait Entry {
    /// The key that names its subject, the subject's kind for messages, and the subject.
    fn subject(&self) -> (&'static str, &Field<String>);
    fn nodes(&self) -> &Field<List<NodeName>>;
    fn labels(&self) -> &Field<MapOf<String>>;
}

macro_rules! entry {
    ($($type:ty, $kind:literal, $field:ident;)*) => {
        $(impl Entry for $type {
            fn subject(&self) -> (&'static str, &Field<String>) { ($kind, &self.$field) }
            fn nodes(&self) -> &Field<List<NodeName>> { &self.nodes }
            fn labels(&self) -> &Field<MapOf<String>> { &self.labels }
        })*
    };
}
entry! {
    OsFile, "file", path;
    Service, "service", name;
    Package, "package", name;
    Module, "module", name;
    SysctlEntry, "sysctl", key;
}

pub(super) fn check(view: &View<'_>, sink: &mut Sink<'_>) {
    let Some(os) = view.os else { return };
    let files = entries(&os.files);
    each(view, &files, paths::file, sink);
    for file in &files {
        body(file, sink);
    }
    each(view, &entries(&os.services), service, sink);
    each(view, &unwrapped::<Package>(&os.packages), package, sink);
    each(view, &unwrapped::<Module>(&os.modules), module, sink);
    let sysctls: Vec<_> =
        os.sysctls.get().into_iter().flat_map(|sysctls| &sysctls.0).map(|entry| &entry.value).collect();
    each(view, &sysctls, sysctl, sink);
    for entry in &sysctls {
        one_line(entry, sink);
        kubelets(entry, sink);
    }
    below_a_file(view, &files, sink);
    for path in os.integrity.get().into_iter().flat_map(|list| &list.items) {
        paths::plain(path, sink);
    }
    motd(os, &files, sink);
    root_login(view, os, sink);
}

/// On one node a path cannot be both a file and the directory of another.
fn below_a_file(view: &View<'_>, files: &[&OsFile], sink: &mut Sink<'_>) {
    let paths = files.iter().filter_map(|file| Some((file.path.spanned()?, covered(view, *file))));
    let paths: Vec<_> = paths.collect();
    let pairs = paths.iter().flat_map(|upper| paths.iter().map(move |lower| (upper, lower)));
    for ((upper, here), (lower, there)) in pairs {
        let rest = lower.value.strip_prefix(upper.value.as_str());
        if rest.is_some_and(|rest| rest.starts_with('/')) && here.iter().any(|node| there.contains(node)) {
            let message =
                format!("{} lies below {}, which is a file", quote(&lower.value), quote(&upper.value));
            let diagnostic =
                Diagnostic::error(Code::InvalidPath, message).at(lower.span, "").at(upper.span, "the file");
            sink.push(diagnostic.help("give one of the two another path"));
        }
    }
}

fn entries<T>(field: &Field<List<T>>) -> Vec<&T> {
    field.get().into_iter().flat_map(|list| &list.items).map(|item| &item.value).collect()
}

fn unwrapped<T>(field: &Field<List<Item<T>>>) -> Vec<&T> {
    entries(field).into_iter().map(|item| &item.0).collect()
}

/// Checks each entry's subject and match, and that no two are for the same thing on the same node.
fn each<T: Entry>(
    view: &View<'_>,
    entries: &[&T],
    rule: impl Fn(&Spanned<String>, &mut Sink<'_>),
    sink: &mut Sink<'_>,
) {
    let mut seen: BTreeMap<&str, Vec<(Span, Vec<usize>)>> = BTreeMap::new();
    for entry in entries {
        matches(view, *entry, sink);
        let (kind, Field::Given(subject)) = entry.subject() else { continue };
        rule(subject, sink);
        let covered = covered(view, *entry);
        let earlier = seen.entry(subject.value.as_str()).or_default();
        if let Some((first, _)) =
            earlier.iter().find(|(_, nodes)| nodes.iter().any(|node| covered.contains(node)))
        {
            let message =
                format!("two entries are for the {kind} {} on the same node", quote(&subject.value));
            let diagnostic = Diagnostic::error(Code::DuplicateEntry, message).at(subject.span, "again here");
            sink.push(diagnostic.at(*first, "first here").help("merge them, or give them different nodes"));
        }
        earlier.push((subject.span, covered));
    }
}

/// Indices of the nodes that the entry is for.
fn covered<T: Entry>(view: &View<'_>, entry: &T) -> Vec<usize> {
    let nodes: Vec<usize> = match entry.nodes().get() {
        Some(names) => names.items.iter().filter_map(|name| view.index(&name.value)).collect(),
        None => (0..view.nodes.len()).collect(),
    };
    let Some(wanted) = entry.labels().get() else { return nodes };
    nodes.into_iter().filter(|node| carries(&view.nodes[*node], wanted)).collect()
}

fn carries(node: &NodeView<'_>, wanted: &MapOf<String>) -> bool {
    let own = node.raw.labels.get().map(|labels| labels.entries.as_slice()).unwrap_or_default();
    let has = |key: &str, value: &str| own.iter().any(|(k, v)| k.value == key && v.value == value);
    wanted.entries.iter().all(|(key, value)| has(&key.value, &value.value))
}

fn matches<T: Entry>(view: &View<'_>, entry: &T, sink: &mut Sink<'_>) {
    let (nodes, wanted) = (entry.nodes().spanned(), entry.labels().spanned());
    if let (Some(nodes), Some(wanted)) = (nodes, wanted) {
        let message = "an entry takes `nodes` or `labels`, not both";
        let diagnostic =
            Diagnostic::error(Code::InvalidMatch, message).at(wanted.span, "").at(nodes.span, "");
        return sink.push(diagnostic.help("keep one of the two"));
    }
    let empty =
        nodes.filter(|nodes| nodes.value.items.is_empty() && nodes.value.complete).map(|nodes| nodes.span);
    let empty = empty.or(wanted.filter(|wanted| wanted.value.entries.is_empty()).map(|wanted| wanted.span));
    if let Some(at) = empty {
        let diagnostic = Diagnostic::error(Code::InvalidMatch, "the entry is for no node").at(at, "");
        return sink.push(diagnostic.help("name nodes or labels, or remove the key for all nodes"));
    }
    let named = view.complete && view.nodes.iter().all(|node| node.name.is_some());
    for name in nodes.into_iter().flat_map(|nodes| &nodes.value.items).filter(|_| named) {
        if view.index(&name.value).is_none() {
            let message = format!("the cluster has no node `{}`", name.value);
            let diagnostic = Diagnostic::error(Code::UnknownNode, message).at(name.span, "");
            let known = view.nodes.iter().filter_map(|node| node.name.as_ref()).take(8);
            let known = known.map(NodeName::as_str).collect::<Vec<_>>().join(", ");
            sink.push(diagnostic.help(format!("its nodes are {known}")));
        }
    }
    if let Some(wanted) = wanted.filter(|_| view.complete && covered(view, entry).is_empty()) {
        let diagnostic =
            Diagnostic::warning(Code::MatchesNothing, "no node has these labels").at(wanted.span, "");
        sink.push(diagnostic.help("correct the labels, or remove the entry"));
    }
}

/// A file has text or a secret, and names a user and group that can be.
fn body(file: &OsFile, sink: &mut Sink<'_>) {
    let at = file.path.span().unwrap_or_default();
    match (&file.content, &file.secret) {
        (Field::Absent, Field::Absent) => {
            let diagnostic =
                Diagnostic::error(Code::MissingKey, "the file has neither `content` nor `secret`").at(at, "");
            sink.push(diagnostic.help("add `content:` with its text, or `secret: {file: path}`"));
        }
        (Field::Given(_), Field::Given(secret)) => {
            let diagnostic =
                Diagnostic::error(Code::InvalidValue, "the file has both `content` and `secret`");
            sink.push(diagnostic.at(secret.span, "").help("keep one of the two"));
        }
        _ => {}
    }
    for name in [&file.owner, &file.group].into_iter().filter_map(Field::spanned) {
        word(name, "user or group", "._-$", sink);
    }
    if let Some(restart) = file.restart.spanned() {
        service_name(restart, sink);
    }
}

fn service(name: &Spanned<String>, sink: &mut Sink<'_>) {
    service_name(name, sink);
    if let Some(why) = paths::kept_service(&name.value) {
        let message = format!("the service {} is not set here: {why}", quote(&name.value));
        let diagnostic = Diagnostic::error(Code::ReservedName, message).at(name.span, "");
        sink.push(diagnostic.help("remove the entry"));
    }
}

fn service_name(name: &Spanned<String>, sink: &mut Sink<'_>) {
    if let Some(short) = name.value.strip_suffix(".service") {
        let message = format!("{} is written without `.service`", quote(&name.value));
        let diagnostic = Diagnostic::error(Code::InvalidValue, message).at(name.span, "");
        return sink.push(diagnostic.help(format!("write {short}")));
    }
    word(name, "service", "._-@:", sink);
}

fn package(name: &Spanned<String>, sink: &mut Sink<'_>) {
    word(name, "package", "._-+:", sink);
}

fn module(name: &Spanned<String>, sink: &mut Sink<'_>) {
    word(name, "module", "_-", sink);
}

fn sysctl(key: &Spanned<String>, sink: &mut Sink<'_>) {
    word(key, "sysctl", "._-/", sink);
    let parts = || key.value.split(['.', '/']);
    if parts().any(str::is_empty) || parts().count() < 2 {
        let message = format!("{} is not a dotted kernel setting", quote(&key.value));
        let diagnostic = Diagnostic::error(Code::InvalidValue, message).at(key.span, "");
        sink.push(diagnostic.help("write it as sysctl does, as in net.core.somaxconn"));
    }
}

fn one_line(entry: &SysctlEntry, sink: &mut Sink<'_>) {
    if let Some(value) = entry.value.spanned().filter(|value| value.value.0.contains(['\n', '\r', '\0'])) {
        let diagnostic =
            Diagnostic::error(Code::InvalidValue, "a kernel setting is one line").at(value.span, "");
        sink.push(diagnostic.help("write the value as sysctl prints it"));
    }
}

/// What the kubelet sets at each start could never be kept at another value.
fn kubelets(entry: &SysctlEntry, sink: &mut Sink<'_>) {
    let (Field::Given(key), Some(value)) = (&entry.key, entry.value.spanned()) else { return };
    let dotted = key.value.replace('/', ".");
    let theirs = SYSCTLS.iter().find(|(name, theirs)| *name == dotted && *theirs != value.value.0.trim());
    if let Some((_, theirs)) = theirs {
        let message = format!("k3s needs {} to be {theirs}, and sets it so at each start", quote(&key.value));
        let diagnostic = Diagnostic::error(Code::ReservedName, message).at(value.span, "");
        sink.push(diagnostic.help("remove the entry"));
    }
}

/// Only letters, digits and the given characters, and no dash in front that a program would take for an option.
fn word(name: &Spanned<String>, kind: &str, also: &str, sink: &mut Sink<'_>) {
    let text = &name.value;
    let fit = |c: char| c.is_ascii_alphanumeric() || also.contains(c);
    if text.is_empty() || text.len() > 128 || text.starts_with(['-', '.', '/']) || !text.chars().all(fit) {
        let message = format!("{} is no name of a {kind}", quote(text));
        let diagnostic = Diagnostic::error(Code::InvalidValue, message).at(name.span, "");
        sink.push(diagnostic.help(format!("use letters, digits and {also}")));
    }
}

fn motd(os: &Os, files: &[&OsFile], sink: &mut Sink<'_>) {
    let Some(motd) = os.motd.span() else { return };
    for path in files.iter().filter_map(|file| file.path.spanned()).filter(|path| path.value == "/etc/motd") {
        let message = "/etc/motd is written twice: by `motd` and by this file";
        let diagnostic = Diagnostic::error(Code::DuplicateEntry, message).at(path.span, "again here");
        sink.push(diagnostic.at(motd, "first here").help("keep one of the two"));
    }
}

fn root_login(view: &View<'_>, os: &Os, sink: &mut Sink<'_>) {
    let login = os.sshd.get().and_then(|sshd| sshd.permit_root_login.spanned());
    let baseline = os.baseline.get().copied().unwrap_or(true);
    let Some(login) = login.filter(|login| baseline && login.value == RootLogin::No) else { return };
    let root = |ssh: &&Spanned<crate::cluster::SshTarget>| ssh.value.user.as_deref() == Some("root");
    for ssh in view.nodes.iter().filter_map(|node| node.raw.ssh.spanned()).filter(root) {
        let message = format!("`{}` is reached as root, whose logins are forbidden here", ssh.value);
        let diagnostic =
            Diagnostic::error(Code::RootLogin, message).at(ssh.span, "").at(login.span, "forbidden here");
        sink.push(diagnostic.help("log in as another user with sudo, or write prohibit-password"));
    }
}
