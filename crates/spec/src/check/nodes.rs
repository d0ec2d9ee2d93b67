//! Names, roles and addresses of nodes.

use std::{collections::BTreeMap, net::IpAddr};

use super::{View, once, view::NodeView};
use crate::{
    cluster::SshTarget,
    diagnostic::{Code, Diagnostic, Severity, Sink, Span},
};

pub(super) fn check(view: &View<'_>, sink: &mut Sink<'_>) {
    missing(view, sink);
    names(view, sink);
    targets(view, sink);
    addresses(view, sink);
}

/// A single node needs neither name nor role; several need both, since defaults by position would move.
fn missing(view: &View<'_>, sink: &mut Sink<'_>) {
    if view.nodes.len() < 2 {
        return;
    }
    for node in &view.nodes {
        if node.raw.name.is_absent() {
            let message = "a node lacks the key `name`; only a single node is named after its cluster";
            sink.push(Diagnostic::error(Code::MissingKey, message).at(node.head(), "").help(
                "add `name:`; a node that ran alone so far keeps the cluster's name with -1 behind it",
            ));
        }
        if node.raw.role.is_absent() {
            let message =
                format!("{} lacks the key `role`; only a single node is a server by itself", node.title());
            let diagnostic = Diagnostic::error(Code::MissingKey, message).at(node.head(), "");
            sink.push(diagnostic.help("add `role: server` or `role: agent`"));
        }
    }
}

fn names(view: &View<'_>, sink: &mut Sink<'_>) {
    let mut seen = BTreeMap::new();
    for node in &view.nodes {
        if let Some(name) = node.raw.name.spanned() {
            let message = format!("two nodes are named `{}`", name.value);
            once(&mut seen, name.value.to_string(), name.span, Code::DuplicateName, &message, sink);
        }
    }
}

fn targets(view: &View<'_>, sink: &mut Sink<'_>) {
    let mut seen = BTreeMap::new();
    for node in &view.nodes {
        if let Some(ssh) = node.raw.ssh.spanned() {
            let message = format!("two nodes are reached at `{}`", ssh.value);
            once(&mut seen, target_key(&ssh.value), ssh.span, Code::DuplicateAddress, &message, sink);
        }
    }
}

/// What makes two targets the same machine: address and port, whoever logs in.
pub(super) fn target_key(target: &SshTarget) -> String {
    format!("{} {}", target.host.to_ascii_lowercase(), target.port.unwrap_or(22))
}

/// An address at which another node is reached by SSH counts, unless a port of its own shows a forwarding.
fn addresses(view: &View<'_>, sink: &mut Sink<'_>) {
    let mut inside = Seen::new(Severity::Error, "have");
    let mut outside = Seen::new(Severity::Warning, "are reached from outside at");
    for (index, node) in view.nodes.iter().enumerate() {
        if let Some(address) = node.raw.address.spanned() {
            inside.take(index, address.value, address.span, false, sink);
        }
        if let Some((address, span)) = reached(node) {
            inside.take(index, address, span, true, sink);
        }
        if let Some(address) = node.raw.external_address.spanned() {
            outside.take(index, address.value, address.span, false, sink);
        }
    }
}

fn reached(node: &NodeView<'_>) -> Option<(IpAddr, Span)> {
    let ssh = node.raw.ssh.spanned().filter(|ssh| ssh.value.port.unwrap_or(22) == 22)?;
    Some((ssh.value.host.parse().ok()?, ssh.span))
}

struct Seen {
    severity: Severity,
    verb: &'static str,
    by: BTreeMap<IpAddr, First>,
}

#[derive(Clone, Copy)]
struct First {
    index: usize,
    span: Span,
    /// Whether it was an SSH target; two of those have been compared already.
    ssh: bool,
}

impl Seen {
    fn new(severity: Severity, verb: &'static str) -> Self {
        Self { severity, verb, by: BTreeMap::new() }
    }

    fn take(&mut self, index: usize, address: IpAddr, span: Span, ssh: bool, sink: &mut Sink<'_>) {
        let first = *self.by.entry(address).or_insert(First { index, span, ssh });
        if first.index == index || first.ssh && ssh {
            return;
        }
        let message = format!("two nodes {} the address {address}", self.verb);
        let diagnostic =
            Diagnostic { severity: self.severity, ..Diagnostic::error(Code::DuplicateAddress, message) };
        sink.push(
            diagnostic.at(span, "again here").at(first.span, "first here").help("give each node its own"),
        );
    }
}
