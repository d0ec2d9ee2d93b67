//! What a Node object says, as facts.
//!
//! Owns: where in a Node each fact stands, and coracle's two annotations. Must not: judge.

use k8s_openapi::api::core::v1::{Node, NodeCondition, Taint};
use model::{Effect, facts::NodeFact};

/// Keys of the labels that coracle set, sorted and joined by commas.
pub(crate) const OWNED_LABELS: &str = "coracle.dev/labels";
/// The taints that coracle set, each as `key:Effect`, sorted and joined by commas.
pub(crate) const OWNED_TAINTS: &str = "coracle.dev/taints";

/// The facts of one Node.
pub(crate) fn node_fact(node: &Node) -> NodeFact {
    let status = node.status.clone().unwrap_or_default();
    let spec = node.spec.clone().unwrap_or_default();
    let condition = |kind: &str| status.conditions.iter().flatten().find(|found| found.type_ == kind);
    let ready = condition("Ready");
    let version = status.node_info.map(|info| info.kubelet_version);
    NodeFact {
        ready: ready.is_some_and(|condition| condition.status == "True"),
        reason: ready.map_or_else(|| "no Ready condition yet".to_owned(), words),
        voter: condition("EtcdIsVoter").map(|condition| condition.status == "True"),
        version: version.and_then(|text| text.parse().ok()),
        created: node
            .metadata
            .creation_timestamp
            .as_ref()
            .map_or(0, |time| time.0.as_second().max(0).unsigned_abs()),
        address: status
            .addresses
            .iter()
            .flatten()
            .find(|address| address.type_ == "InternalIP")
            .and_then(|address| address.address.parse().ok()),
        unschedulable: spec.unschedulable.unwrap_or_default(),
        labels: node.metadata.labels.clone().unwrap_or_default(),
        taints: spec
            .taints
            .iter()
            .flatten()
            .filter(|taint| !is_kubernetes_own(taint))
            .filter_map(taint)
            .collect(),
        owned_labels: owned(node, OWNED_LABELS),
        owned_taints: owned(node, OWNED_TAINTS),
    }
}

/// What one of coracle's annotations lists.
pub(crate) fn owned(node: &Node, annotation: &str) -> Vec<String> {
    let listed = node.metadata.annotations.as_ref().and_then(|all| all.get(annotation));
    listed
        .iter()
        .flat_map(|text| text.split(','))
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A taint as `key:Effect`, by which it is told from others.
pub(crate) fn taint_id(taint: &Taint) -> String {
    format!("{}:{}", taint.key, taint.effect)
}

/// Whether Kubernetes or a cloud's controller sets and clears this taint by itself
/// (kubernetes.io/docs/reference/labels-annotations-taints).
fn is_kubernetes_own(taint: &Taint) -> bool {
    ["node.kubernetes.io/", "node.cloudprovider.kubernetes.io/"].iter().any(|own| taint.key.starts_with(own))
}

fn taint(taint: &Taint) -> Option<model::Taint> {
    let effect = match taint.effect.as_str() {
        "NoSchedule" => Effect::NoSchedule,
        "PreferNoSchedule" => Effect::PreferNoSchedule,
        "NoExecute" => Effect::NoExecute,
        _ => return None,
    };
    Some(model::Taint { key: taint.key.clone(), value: taint.value.clone().unwrap_or_default(), effect })
}

fn words(condition: &NodeCondition) -> String {
    let parts = [&condition.reason, &condition.message];
    let words: Vec<_> =
        parts.into_iter().flatten().filter(|text| !text.is_empty()).map(String::as_str).collect();
    words.join(": ").replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_facts_of_a_server() {
        let node: Node = serde_json::from_value(json!({
            "metadata": {
                "name": "harbor-1",
                "labels": {"zone": "home", "kubernetes.io/arch": "amd64"},
                "annotations": {"coracle.dev/labels": "zone", "coracle.dev/taints": "dedicated:NoSchedule"},
            },
            "spec": {
                "unschedulable": true,
                "taints": [
                    {"key": "dedicated", "value": "db", "effect": "NoSchedule"},
                    {"key": "mine", "effect": "NoExecute"},
                    {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"},
                    {"key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule"},
                ],
            },
            "status": {
                "addresses": [{"type": "Hostname", "address": "harbor-1"}, {"type": "InternalIP", "address": "10.0.0.1"}],
                "conditions": [
                    {"type": "EtcdIsVoter", "status": "False"},
                    {"type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": "no CNI\nyet"},
                ],
                "nodeInfo": {
                    "architecture": "", "bootID": "", "containerRuntimeVersion": "", "kernelVersion": "",
                    "kubeProxyVersion": "", "kubeletVersion": "v1.36.4+k3s1", "machineID": "", "operatingSystem": "",
                    "osImage": "", "systemUUID": "",
                },
            },
        }))
        .expect("a Node");
        let fact = node_fact(&node);
        let taints: Vec<_> = fact.taints.iter().map(ToString::to_string).collect();
        assert_eq!(taints, ["dedicated=db:NoSchedule", "mine=:NoExecute"]);
        assert_eq!((fact.ready, fact.reason.as_str()), (false, "KubeletNotReady: no CNI yet"));
        assert_eq!((fact.voter, fact.unschedulable), (Some(false), true));
        assert_eq!(fact.version, "v1.36.4+k3s1".parse().ok());
        assert_eq!(fact.address, "10.0.0.1".parse().ok());
        assert_eq!(
            (fact.owned_labels, fact.owned_taints),
            (vec!["zone".into()], vec!["dedicated:NoSchedule".into()])
        );
    }

    #[test]
    fn a_node_that_has_only_registered_is_neither_ready_nor_a_member() {
        let fact = node_fact(&Node::default());
        assert_eq!((fact.ready, fact.reason.as_str()), (false, "no Ready condition yet"));
        assert_eq!((fact.voter, fact.version, fact.address), (None, None, None));
        assert!(fact.taints.is_empty() && fact.owned_labels.is_empty() && fact.owned_taints.is_empty());
    }
}
