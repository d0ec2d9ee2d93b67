//! Labels and taints of nodes.
//!
//! Owns: Kubernetes's syntax of qualified names and values, and which labels the kubelet may set on its own Node.

use std::collections::BTreeMap;

use super::{View, view::NodeView};
use crate::{
    cluster::Taint,
    diagnostic::{Code, Diagnostic, Sink, Span, quote},
    k3s,
    raw::Spanned,
};

pub(super) fn check(view: &View<'_>, sink: &mut Sink<'_>) {
    for node in &view.nodes {
        for (key, value) in node.raw.labels.get().into_iter().flat_map(|labels| &labels.entries) {
            label(key, value, sink);
        }
        taints(node, sink);
    }
}

fn label(key: &Spanned<String>, value: &Spanned<String>, sink: &mut Sink<'_>) {
    if let Err(why) = qualified(&key.value) {
        return sink.push(invalid(&key.value, &why, key.span));
    }
    if let Err(why) = label_value(&value.value) {
        return sink.push(invalid(&value.value, &why, value.span));
    }
    if matches!(key.value.as_str(), "kubernetes.io/arch" | "beta.kubernetes.io/arch")
        && k3s::asset(&value.value).is_none()
    {
        let message = format!("k3s publishes no binary for the architecture {}", quote(&value.value));
        let diagnostic = Diagnostic::error(Code::UnsupportedArchitecture, message).at(value.span, "");
        return sink.push(diagnostic.help("it publishes amd64, arm64 and arm"));
    }
    if let Some(why) = reserved(&key.value) {
        let message = format!("{} {why}", quote(&key.value));
        let diagnostic = Diagnostic::error(Code::ReservedLabel, message).at(key.span, "");
        sink.push(diagnostic.help("use a prefix of your own, such as example.org/role"));
    }
}

fn invalid(text: &str, why: &str, at: Span) -> Diagnostic {
    let message = format!("{} is no label that Kubernetes takes: it {why}", quote(text));
    let help = "names and values have at most 63 letters, digits, `-`, `_` and `.`; a name may have a DNS name and `/` before it";
    Diagnostic::error(Code::InvalidLabel, message).at(at, "").help(help)
}

fn taints(node: &NodeView<'_>, sink: &mut Sink<'_>) {
    let mut seen: BTreeMap<_, Span> = BTreeMap::new();
    for taint in node.raw.taints.get().into_iter().flat_map(|taints| &taints.items) {
        let Taint { key, value, effect } = &taint.value.0;
        let syntax = qualified(key).and_then(|()| label_value(value));
        if let Err(why) = syntax {
            let message = format!(
                "{} is no taint that Kubernetes takes: its key or value {why}",
                quote(&taint.value.0.to_string())
            );
            let diagnostic = Diagnostic::error(Code::InvalidTaint, message).at(taint.span, "");
            sink.push(diagnostic.help("write `key=value:Effect`, as in dedicated=db:NoSchedule"));
        } else if let Some(first) = seen.insert((key.clone(), *effect), taint.span) {
            let message = format!(
                "two taints of {} have the key {} and the effect {effect:?}",
                node.title(),
                quote(key)
            );
            let diagnostic = Diagnostic::error(Code::InvalidTaint, message).at(taint.span, "again here");
            sink.push(diagnostic.at(first, "first here").help("keep one of the two"));
        }
    }
}

/// `[prefix/]name`; on `Err` why not, continuing "it …".
pub(super) fn qualified(text: &str) -> Result<(), String> {
    let (prefix, name) = match text.rsplit_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    if let Some(prefix) = prefix {
        prefix
            .parse::<crate::name::DnsName>()
            .map_err(|why| format!("has a prefix that is no DNS name; it {why}"))?;
    }
    if name.is_empty() {
        return Err("has no name".to_owned());
    }
    label_value(name)
}

/// At most 63 characters of `[A-Za-z0-9._-]`, letters or digits at both ends; may be empty.
pub(super) fn label_value(text: &str) -> Result<(), String> {
    if text.len() > 63 {
        return Err("is longer than 63 characters".to_owned());
    }
    let fit = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if let Some(bad) = text.chars().find(|c| !fit(c)) {
        return Err(format!("has {bad:?}"));
    }
    let end = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    let ends = end(text.chars().next()) && end(text.chars().next_back());
    if ends { Ok(()) } else { Err("does not begin and end with a letter or digit".to_owned()) }
}

/// Labels of Kubernetes's namespaces that a kubelet accepts in `--node-labels` (Kubernetes's documentation of that
/// flag); whole namespaces end with a slash.
const ALLOWED: [&str; 12] = [
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/instance-type",
    "beta.kubernetes.io/os",
    "failure-domain.beta.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone",
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "kubelet.kubernetes.io/",
    "node.kubernetes.io/",
];

/// Why a node may not carry the label from the start, if so.
fn reserved(key: &str) -> Option<&'static str> {
    let (prefix, _) = key.split_once('/')?;
    let within = |domain: &str| {
        prefix == domain || prefix.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
    };
    if within("k3s.io") || within("k3s.cattle.io") && prefix != "svccontroller.k3s.cattle.io" {
        return Some("is kept by k3s for itself");
    }
    if key == "kubernetes.io/hostname" {
        return Some("is set by k3s from the name of the node");
    }
    let allowed = |entry: &&str| entry.strip_suffix('/').map_or(*entry == key, within);
    let kubernetes = within("kubernetes.io") || within("k8s.io");
    (kubernetes && !ALLOWED.iter().any(allowed))
        .then_some("is one that Kubernetes does not let a node set on itself; the kubelet would not start")
}
