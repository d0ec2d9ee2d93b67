//! k3s keys: whether the release has them, who may write them, and for which nodes.

use std::collections::BTreeMap;

use super::{View, value, view::NodeView};
use crate::{
    cluster::{ConfigValue, Role, Version},
    diagnostic::{Code, Diagnostic, Sink, quote},
    k3s::{self, Class, FLAGS, Flag, On, Use},
    raw::{CniName, Config, Field, Spanned, nearest},
    yaml::Node,
};

/// The k3s keys that the file sets, by their long and current names.
pub(crate) struct Configs {
    pub cluster: BTreeMap<String, ConfigValue>,
    /// As many as nodes, in their order.
    pub nodes: Vec<BTreeMap<String, ConfigValue>>,
}

pub(super) fn check(view: &View<'_>, sink: &mut Sink<'_>) -> Configs {
    let version = view.version();
    let cluster = view.kubernetes.map(|kubernetes| &kubernetes.config);
    let cluster = keys(view, cluster, &version, None, sink);
    let nodes = view.nodes.iter().map(|node| keys(view, Some(&node.raw.config), &version, Some(node), sink));
    Configs { cluster, nodes: nodes.collect() }
}

fn keys(
    view: &View<'_>,
    config: Option<&Field<Config>>,
    version: &Version,
    node: Option<&NodeView<'_>>,
    sink: &mut Sink<'_>,
) -> BTreeMap<String, ConfigValue> {
    let entries = config.and_then(Field::get).map(|config| config.0.as_slice()).unwrap_or_default();
    let mut values = BTreeMap::new();
    for (key, value) in entries {
        if let Some((name, value)) = one(view, key, value, version, node, sink) {
            values.insert(name.to_owned(), value);
        }
    }
    values
}

fn one(
    view: &View<'_>,
    key: &Spanned<String>,
    node: &Node,
    version: &Version,
    on: Option<&NodeView<'_>>,
    sink: &mut Sink<'_>,
) -> Option<(&'static str, ConfigValue)> {
    let Some(flag) = k3s::flag(&key.value) else {
        if !sink.full() {
            sink.push(unknown(key, node));
        }
        return None;
    };
    let flag = current(flag, key, sink);
    let refused = release(flag, key, version)
        .or_else(|| owned(view, flag, key))
        .or_else(|| on.and_then(|on| misplaced(flag, key, on)))
        .or_else(|| idle(view, flag, key))
        .or_else(|| without_etcd(view, flag, key));
    if let Some(diagnostic) = refused {
        sink.push(if flag.secret { diagnostic.cover(node.span) } else { diagnostic });
        return None;
    }
    value::check(view, flag, node, version, sink).map(|value| (flag.key, value))
}

fn unknown(key: &Spanned<String>, value: &Node) -> Diagnostic {
    let message = format!("k3s has no key {}", quote(&key.value));
    let diagnostic = Diagnostic::error(Code::UnknownK3sKey, message).at(key.span, "unknown");
    if let Some(instead) = k3s::removed(&key.value) {
        return diagnostic.cover(value.span).help(instead);
    }
    let plain = key.value.trim_start_matches('-').trim_end_matches('+').replace('_', "-");
    if let Some(flag) = k3s::flag(k3s::long(&plain)) {
        return diagnostic.cover(value.span).help(format!("write `{}`", flag.key));
    }
    match nearest(&key.value, FLAGS.iter().map(|flag| flag.key)) {
        Some(near) if k3s::secret(near) => {
            diagnostic.cover(value.span).help(format!("did you mean `{near}`?"))
        }
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
        None => diagnostic.help("k3s would skip it with a warning; remove it"),
    }
}

/// The flag itself, or the one that an old name stands for.
fn current(flag: &'static Flag, key: &Spanned<String>, sink: &mut Sink<'_>) -> &'static Flag {
    let Use::Renamed(name) = flag.used else { return flag };
    let message = format!("{} is the old name of `{name}`", quote(&key.value));
    let diagnostic = Diagnostic::warning(Code::K3sKeyDeprecated, message).at(key.span, "");
    sink.push(diagnostic.help(format!("write `{name}`")));
    k3s::flag(name).unwrap_or(flag)
}

fn release(flag: &Flag, key: &Spanned<String>, version: &Version) -> Option<Diagnostic> {
    if flag.in_release(version) {
        return None;
    }
    let message = format!("k3s {version} does not have {} yet", quote(&key.value));
    let first = flag.since.iter().map(|(minor, patch, k3s)| format!("v1.{minor}.{patch}+k3s{k3s}"));
    let help = format!("it came with {}", first.collect::<Vec<_>>().join(", "));
    Some(Diagnostic::error(Code::K3sKeyNotInRelease, message).at(key.span, "").help(help))
}

fn owned(view: &View<'_>, flag: &Flag, key: &Spanned<String>) -> Option<Diagnostic> {
    let nameservers =
        view.os.is_some_and(|os| os.nameservers.get().is_some_and(|list| !list.items.is_empty()));
    let instead = match flag.used {
        Use::Owned(instead) => instead,
        Use::Later => {
            let message = format!("{} is not part of this version of coracle", quote(&key.value));
            let diagnostic = Diagnostic::error(Code::NotInThisVersion, message).at(key.span, "");
            return Some(diagnostic.help("remove it until a later version carries it out"));
        }
        _ if flag.key == "resolv-conf" && nameservers => {
            "it follows from `nameservers` in spec.os; keep one of the two"
        }
        _ => return None,
    };
    let message = format!("coracle writes the k3s key {} itself", quote(&key.value));
    Some(Diagnostic::error(Code::K3sKeyOwned, message).at(key.span, "").help(instead))
}

fn misplaced(flag: &Flag, key: &Spanned<String>, on: &NodeView<'_>) -> Option<Diagnostic> {
    let role = on.role?;
    if !flag.on_role(role) {
        let other = if flag.on == On::Server { "servers" } else { "agents" };
        let message = format!("{} is a key for {other}, and {} is none", quote(&key.value), on.title());
        let diagnostic = Diagnostic::error(Code::K3sKeyRole, message).at(key.span, "");
        return Some(diagnostic.help("remove it here, or write it in spec.kubernetes.config"));
    }
    if role == Role::Server && flag.class != Class::Rolling {
        let message = format!("{} must be the same on all servers", quote(&key.value));
        let diagnostic = Diagnostic::error(Code::K3sKeyEverywhere, message).at(key.span, "for one node");
        return Some(diagnostic.help("move it to spec.kubernetes.config"));
    }
    None
}

/// Keys of something that the file switches off.
fn idle(view: &View<'_>, flag: &Flag, key: &Spanned<String>) -> Option<Diagnostic> {
    let (off, help) = if flag.key.starts_with("flannel-") && view.cni() != CniName::Flannel {
        (format!("`cni: {}`", view.cni().as_str()), "remove it, or write `cni: flannel`")
    } else if flag.key == "kube-proxy-arg" && !view.kube_proxy() {
        ("`kubeProxy: false`".to_owned(), "remove one of the two")
    } else {
        return None;
    };
    let message = format!("{} has no meaning with {off}", quote(&key.value));
    Some(Diagnostic::error(Code::CniContradiction, message).at(key.span, "").help(help))
}

/// Keys of etcd where no server runs it: k3s would skip them without a word, snapshots among them.
fn without_etcd(view: &View<'_>, flag: &Flag, key: &Spanned<String>) -> Option<Diagnostic> {
    let datastore = view.datastore_but_etcd().filter(|_| flag.key.starts_with("etcd-"))?;
    let message = format!("{} has no meaning with {datastore}", quote(&key.value));
    let diagnostic = Diagnostic::error(Code::K3sKeyDatastore, message).at(key.span, "no etcd runs");
    Some(diagnostic.help("write `datastore: etcd` in spec.kubernetes, or remove the key"))
}
