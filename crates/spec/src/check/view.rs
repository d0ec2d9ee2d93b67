//! A document as the rules look at it: sections by name, nodes with their names and roles.
//!
//! Owns: the defaults that depend on other fields. Must not: report anything.

use std::collections::BTreeMap;

use crate::{
    cluster::{Role, Version},
    diagnostic::Span,
    k3s,
    name::NodeName,
    raw::{CniName, Datastore, Document, Field, Kubernetes, Network, Node, Os, Spec},
};

/// One document.
pub(crate) struct View<'a> {
    pub spec: &'a Spec,
    pub kubernetes: Option<&'a Kubernetes>,
    pub network: Option<&'a Network>,
    pub os: Option<&'a Os>,
    pub nodes: Vec<NodeView<'a>>,
    by_name: BTreeMap<NodeName, usize>,
    /// Whether every entry of `nodes` could be read, so that what is missing is missing.
    pub complete: bool,
}

/// One node.
pub(crate) struct NodeView<'a> {
    pub raw: &'a Node,
    /// The entry.
    pub span: Span,
    /// Its name, given or by default; `None` where it is wrong or missing.
    pub name: Option<NodeName>,
    pub role: Option<Role>,
}

impl<'a> View<'a> {
    /// `None` where the document has no readable `spec`.
    pub(crate) fn new(document: &'a Document) -> Option<Self> {
        let spec = document.spec.get()?;
        let cluster = document.metadata.get().and_then(|metadata| metadata.name.get());
        let list = spec.nodes.get();
        let items = list.map(|list| list.items.as_slice()).unwrap_or_default();
        let complete = list.is_some_and(|list| list.complete);
        let only = items.len() == 1 && complete;
        let first =
            cluster.filter(|_| only).and_then(|cluster| format!("{cluster}-1").parse::<NodeName>().ok());
        let node = |item: &'a crate::raw::Spanned<Node>| NodeView {
            raw: &item.value,
            span: item.span,
            name: if item.value.name.is_absent() { first.clone() } else { item.value.name.get().cloned() },
            role: match item.value.role.get() {
                None if item.value.role.is_absent() && only => Some(Role::Server),
                role => role.copied(),
            },
        };
        let nodes: Vec<_> = items.iter().map(node).collect();
        let by_name = nodes.iter().enumerate().filter_map(|(index, node)| Some((node.name.clone()?, index)));
        Some(Self {
            by_name: by_name.collect(),
            spec,
            kubernetes: spec.kubernetes.get(),
            network: spec.network.get(),
            os: spec.os.get(),
            nodes,
            complete,
        })
    }

    /// The place of the node with this name.
    pub(crate) fn index(&self, name: &NodeName) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The servers, when every node's role is known.
    pub(crate) fn servers(&self) -> Option<usize> {
        let roles: Option<Vec<_>> = self.nodes.iter().map(|node| node.role).collect();
        let count = roles?.into_iter().filter(|role| *role == Role::Server).count();
        self.complete.then_some(count)
    }

    /// The release; the default one where it is not readable.
    pub(crate) fn version(&self) -> Version {
        let version = self.kubernetes.and_then(|kubernetes| kubernetes.version.get());
        version.cloned().unwrap_or(k3s::release::DEFAULT)
    }

    /// Whether the servers run embedded etcd.
    pub(crate) fn etcd(&self) -> bool {
        match self.kubernetes.and_then(|kubernetes| kubernetes.datastore.get()) {
            Some(datastore) => matches!(datastore, Datastore::Etcd),
            None => self.servers().is_some_and(|servers| servers > 1),
        }
    }

    /// The datastore as messages call it, where it is known not to be embedded etcd.
    pub(crate) fn datastore_but_etcd(&self) -> Option<&'static str> {
        match self.kubernetes.map(|kubernetes| &kubernetes.datastore) {
            Some(Field::Given(datastore)) => match datastore.value {
                Datastore::Sqlite => Some("`datastore: sqlite`"),
                Datastore::External(_) => Some("an external datastore"),
                Datastore::Etcd => None,
            },
            Some(Field::Bad) => None,
            Some(Field::Absent) | None => {
                (self.servers() == Some(1)).then_some("sqlite, the default of a single server")
            }
        }
    }

    pub(crate) fn cni(&self) -> CniName {
        self.network.and_then(|network| network.cni.get()).copied().unwrap_or(CniName::Flannel)
    }

    pub(crate) fn kube_proxy(&self) -> bool {
        self.network.and_then(|network| network.kube_proxy.get()).copied().unwrap_or(true)
    }

    pub(crate) fn network_policy(&self) -> bool {
        let given = self.network.and_then(|network| network.network_policy.get());
        given.copied().unwrap_or(self.cni() == CniName::Flannel)
    }
}

impl NodeView<'_> {
    /// How messages call it.
    pub(crate) fn title(&self) -> String {
        match (&self.name, self.raw.ssh.get()) {
            (Some(name), _) => format!("`{name}`"),
            (None, Some(ssh)) => format!("`{ssh}`"),
            (None, None) => "a node".to_owned(),
        }
    }

    /// What to underline for the node as a whole.
    pub(crate) fn head(&self) -> Span {
        self.raw.name.span().or(self.raw.ssh.span()).unwrap_or(self.span)
    }
}
