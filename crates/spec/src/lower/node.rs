//! The entries of `nodes`.

use std::collections::BTreeMap;

use crate::{
    check::NodeView,
    cluster::{ConfigValue, Node},
};

pub(super) fn node(view: &NodeView<'_>, config: BTreeMap<String, ConfigValue>) -> Option<Node> {
    let raw = view.raw;
    let labels = raw.labels.get().into_iter().flat_map(|labels| &labels.entries);
    let taints = raw.taints.get().into_iter().flat_map(|taints| &taints.items);
    Some(Node {
        name: view.name.clone()?,
        role: view.role?,
        ssh: raw.ssh.get()?.clone(),
        host_key: raw.host_key.get().cloned(),
        address: raw.address.get().copied(),
        external_address: raw.external_address.get().copied(),
        labels: labels.map(|(key, value)| (key.value.clone(), value.value.clone())).collect(),
        taints: taints.map(|taint| taint.value.0.clone()).collect(),
        config,
    })
}
