//! How many servers there are, and whether the datastore fits.

use super::View;
use crate::{
    cluster::Role,
    diagnostic::{Code, Diagnostic, Sink},
    raw::Datastore,
};

pub(super) fn check(view: &View<'_>, sink: &mut Sink<'_>) {
    if view.complete && view.nodes.is_empty() {
        let at = view.spec.nodes.span().unwrap_or_default();
        let diagnostic = Diagnostic::error(Code::NoServer, "the cluster has no node").at(at, "");
        return sink.push(
            diagnostic.help("add an entry such as {name: harbor-1, role: server, ssh: root@203.0.113.10}"),
        );
    }
    let Some(servers) = view.servers() else { return };
    match servers {
        0 => none(view, sink),
        _ if servers > 1 && sqlite(view) => many_on_sqlite(view, servers, sink),
        _ if servers % 2 == 0 && view.etcd() => even(view, servers, sink),
        _ => {}
    }
}

fn none(view: &View<'_>, sink: &mut Sink<'_>) {
    let at = view.nodes.iter().find_map(|node| node.raw.role.span()).unwrap_or_default();
    let diagnostic = Diagnostic::error(Code::NoServer, "no node has the role server").at(at, "an agent");
    sink.push(diagnostic.help("write `role: server` for one, three or five nodes"));
}

fn sqlite(view: &View<'_>) -> bool {
    let datastore = view.kubernetes.and_then(|kubernetes| kubernetes.datastore.get());
    matches!(datastore, Some(Datastore::Sqlite))
}

fn many_on_sqlite(view: &View<'_>, servers: usize, sink: &mut Sink<'_>) {
    let at = view.kubernetes.and_then(|kubernetes| kubernetes.datastore.span()).unwrap_or_default();
    let message = format!("{servers} servers cannot share sqlite, which is a file on one of them");
    let diagnostic = Diagnostic::error(Code::SqliteManyServers, message).at(at, "");
    sink.push(diagnostic.help("write `datastore: etcd`, or make all but one node agents"));
}

fn even(view: &View<'_>, servers: usize, sink: &mut Sink<'_>) {
    let mut places = view.nodes.iter().filter(|node| node.role == Some(Role::Server));
    let at = places.next_back().map(super::view::NodeView::head).unwrap_or_default();
    let fewer = servers - 1;
    let message =
        format!("{servers} etcd servers bear no more failures than {fewer}, and are one more that may fail");
    let diagnostic = Diagnostic::warning(Code::EvenEtcdServers, message).at(at, "");
    sink.push(diagnostic.help(format!("use {fewer} or {} servers", servers + 1)));
}
