//! Rules that a document must obey beyond its shape.
//!
//! Owns: every judgement of one field by another, and of values by what Kubernetes and k3s take. Must not: change
//! anything, or say a second time what the decoder has said.

mod arguments;
mod cni;
mod config;
mod labels;
mod nodes;
mod os;
mod paths;
mod ports;
mod ranges;
mod servers;
mod value;
mod view;

use std::collections::BTreeMap;

pub(crate) use config::Configs;
pub(crate) use ranges::{POD, SERVICE};
pub(crate) use view::{NodeView, View};

use crate::{
    diagnostic::{Code, Diagnostic, Sink, Span},
    raw::Document,
};

/// Applies every rule to one document and returns the k3s keys that it may set.
pub(crate) fn document(view: &View<'_>, sink: &mut Sink<'_>) -> Configs {
    nodes::check(view, sink);
    servers::check(view, sink);
    labels::check(view, sink);
    ranges::check(view, sink);
    cni::check(view, sink);
    let configs = config::check(view, sink);
    ports::check(view, &configs, sink);
    os::check(view, sink);
    configs
}

/// What the documents of a file must not share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    names: BTreeMap<String, Span>,
    targets: BTreeMap<String, Span>,
}

impl Shared {
    /// Reports what an earlier document has already.
    pub(crate) fn check(&mut self, document: &Document, sink: &mut Sink<'_>) {
        let name = document.metadata.get().and_then(|metadata| metadata.name.spanned());
        if let Some(name) = name {
            let message = format!("two clusters of this file are named `{}`", name.value);
            once(&mut self.names, name.value.to_string(), name.span, Code::DuplicateName, &message, sink);
        }
        let nodes = document.spec.get().and_then(|spec| spec.nodes.get());
        let targets = nodes.iter().flat_map(|nodes| &nodes.items).filter_map(|node| node.value.ssh.spanned());
        let mut own = BTreeMap::new();
        for target in targets {
            let key = nodes::target_key(&target.value);
            let message = format!("`{}` belongs to two clusters of this file", target.value);
            if let Some(first) = self.targets.get(&key) {
                let diagnostic =
                    Diagnostic::error(Code::DuplicateAddress, message).at(target.span, "again here");
                sink.push(
                    diagnostic.at(*first, "first here").help("a machine can be part of one cluster only"),
                );
            } else {
                own.insert(key, target.span);
            }
        }
        self.targets.append(&mut own);
    }
}

/// Reports a key that was seen before.
fn once(
    seen: &mut BTreeMap<String, Span>,
    key: String,
    at: Span,
    code: Code,
    message: &str,
    sink: &mut Sink<'_>,
) {
    if let Some(first) = seen.get(&key) {
        let help = if code == Code::DuplicateName { "rename one of them" } else { "give each node its own" };
        let diagnostic = Diagnostic::error(code, message).at(at, "again here");
        sink.push(diagnostic.at(*first, "first here").help(help));
    } else {
        seen.insert(key, at);
    }
}
