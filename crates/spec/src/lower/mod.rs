//! From the file as it is written to the validated cluster.
//!
//! Owns: defaults. Must not: report; what cannot be lowered has been reported by the decoder or the rules, and the
//! result is then not used.

mod node;
mod os;

use crate::{
    check::{Configs, View},
    cluster::{ArtifactSource, Cluster, Cni, Datastore, Kubernetes, Network, NodeNetwork},
    raw::{self, CniName, Document, Field, OneOrMany},
};

/// The cluster that a document describes; `None` where something that it needs is missing or wrong.
pub(crate) fn cluster(document: &Document, view: &View<'_>, configs: Configs) -> Option<Cluster> {
    let Configs { cluster: config, nodes: node_configs } = configs;
    let nodes = view.nodes.iter().zip(node_configs).map(|(view, config)| node::node(view, config));
    Some(Cluster {
        name: document.metadata.get()?.name.get()?.clone(),
        domain: view.spec.domain.get().cloned(),
        kubernetes: kubernetes(view, config),
        network: network(view)?,
        nodes: nodes.collect::<Option<_>>()?,
        os: os::os(view.os),
        artifacts: artifacts(view),
    })
}

fn kubernetes(
    view: &View<'_>,
    config: std::collections::BTreeMap<String, crate::cluster::ConfigValue>,
) -> Kubernetes {
    let raw = view.kubernetes;
    let disable = raw.and_then(|raw| raw.disable.get());
    Kubernetes {
        version: view.version(),
        datastore: datastore(view),
        api_name: raw.and_then(|raw| raw.api_name.get()).cloned(),
        secrets_encryption: raw.and_then(|raw| raw.secrets_encryption.get()).copied().unwrap_or(true),
        disable: disable.iter().flat_map(|list| &list.items).map(|item| item.value).collect(),
        config,
    }
}

fn datastore(view: &View<'_>) -> Datastore {
    match view.kubernetes.and_then(|raw| raw.datastore.get()) {
        Some(raw::Datastore::External(endpoint)) => Datastore::External(endpoint.clone()),
        _ if view.etcd() => Datastore::Etcd,
        _ => Datastore::Sqlite,
    }
}

fn network(view: &View<'_>) -> Option<Network> {
    let raw = view.network;
    let lan = raw.and_then(|raw| raw.node_network.get()?.lan.get()?.cidr.get().copied());
    Some(Network {
        pod_cidr: ranges(raw.map(|raw| &raw.pod_cidr), crate::check::POD)?,
        service_cidr: ranges(raw.map(|raw| &raw.service_cidr), crate::check::SERVICE)?,
        cni: match view.cni() {
            CniName::Flannel => {
                Cni::Flannel(raw.and_then(|raw| raw.flannel_backend.get()).copied().unwrap_or_default())
            }
            CniName::Calico => Cni::Calico,
            CniName::Cilium => Cni::Cilium,
            CniName::None => Cni::None,
        },
        kube_proxy: view.kube_proxy(),
        network_policy: view.network_policy(),
        node_network: NodeNetwork::Lan { cidr: lan },
    })
}

fn ranges(field: Option<&Field<OneOrMany<ipnet::IpNet>>>, default: &str) -> Option<Vec<ipnet::IpNet>> {
    match field {
        None | Some(Field::Absent) => Some(vec![default.parse().ok()?]),
        Some(Field::Bad) => None,
        Some(Field::Given(given)) => Some(given.value.0.items.iter().map(|item| item.value).collect()),
    }
}

fn artifacts(view: &View<'_>) -> ArtifactSource {
    let source = view.spec.artifacts.get().and_then(|artifacts| artifacts.source.get());
    source.map_or(ArtifactSource::Release, |source| source.0.clone())
}
