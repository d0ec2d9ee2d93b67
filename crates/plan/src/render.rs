//! What would be placed, as files: the same wants the plan is made from.

use std::collections::BTreeMap;

use model::facts::{Address, FileMeta, Init};
use serde::Serialize;
use spec::{
    cluster::{Datastore, Node, Role},
    name::NodeName,
};

use crate::{Wish, k3s, os, want::Want};

/// One file or link as it would be placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rendered {
    /// Its text; secrets stand as `‹…›`. For a link, where it points.
    pub text: String,
    /// Mode and owner; `None` for a link.
    pub meta: Option<FileMeta>,
}

/// Every host's files by absolute path. Without observing, a host's address is the file's own or, failing that, the one
/// it is reached by; its interface is written as `‹interface›`; and a host is taken to run systemd.
pub fn render(wish: &Wish<'_>) -> BTreeMap<NodeName, BTreeMap<String, Rendered>> {
    wish.cluster.nodes.iter().map(|node| (node.name.clone(), host(wish, node))).collect()
}

fn host(wish: &Wish<'_>, node: &Node) -> BTreeMap<String, Rendered> {
    let cluster = wish.cluster;
    let mut wants = os::wants(cluster, node, Init::Systemd, true);
    wants.extend(k3s::wants(cluster, node, Init::Systemd));
    if let Some(content) = k3s::secrets(cluster, node) {
        wants.push(Want::File { path: k3s::SECRETS.into(), meta: crate::want::root(0o600), content });
    }
    if let Some(address) = address(node) {
        let text = k3s::drop_in(cluster, node, &address, &form(wish, node));
        wants.push(Want::file(k3s::DROP_IN, 0o600, text));
    }
    wants.iter().filter_map(rendered).collect()
}

fn rendered(want: &Want) -> Option<(String, Rendered)> {
    match want {
        Want::File { path, meta, content } => {
            Some((path.clone(), Rendered { text: content.redacted(), meta: Some(meta.clone()) }))
        }
        Want::Link { path, target } => Some((path.clone(), Rendered { text: target.clone(), meta: None })),
        _ => None,
    }
}

fn address(node: &Node) -> Option<Address> {
    let ip = node.address.or_else(|| node.ssh.host.parse().ok())?;
    Some(Address { interface: "‹interface›".into(), ip, prefix: 32 })
}

/// The settled form: a server that founded once looks like this from then on too.
fn form(wish: &Wish<'_>, node: &Node) -> k3s::Form {
    let first = wish.cluster.servers().min_by(|a, b| a.name.cmp(&b.name)).and_then(address);
    match (node.role, &wish.cluster.kubernetes.datastore, first) {
        (Role::Server, Datastore::Sqlite | Datastore::External(_), _) => k3s::Form::Alone,
        (Role::Server, Datastore::Etcd, _) => {
            let own = address(node).map(|own| own.ip);
            own.map_or(k3s::Form::Found, |ip| k3s::Form::Join(k3s::url(ip)))
        }
        (Role::Agent, _, Some(first)) => k3s::Form::Join(k3s::url(first.ip)),
        (Role::Agent, _, None) => k3s::Form::Join("‹address of a server›".into()),
    }
}
