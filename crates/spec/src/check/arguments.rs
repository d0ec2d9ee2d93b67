//! Flags of Kubernetes's own programs inside k3s's `…-arg` keys.

use super::View;
use crate::yaml::{Node, Value};

/// Whether the cluster's k3s keys pass a flag that begins so to the program behind `key`.
pub(super) fn given(view: &View<'_>, key: &str, flag: &str) -> bool {
    let config = view.kubernetes.and_then(|kubernetes| kubernetes.config.get());
    let values = config.iter().flat_map(|config| &config.0).filter(|(written, _)| written.value == key);
    values.flat_map(|(_, node)| texts(node)).any(|text| text.starts_with(flag))
}

/// The texts of a value: its own, or its items'.
pub(super) fn texts(node: &Node) -> Vec<&str> {
    match &node.value {
        Value::List(items) => items.iter().filter_map(Node::text).collect(),
        _ => node.text().into_iter().collect(),
    }
}
