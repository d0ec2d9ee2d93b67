//! Node objects: labels and taints of the file's nodes, and Nodes that no entry of the file explains.

use model::{
    facts::{Facts, NodeFact},
    op::KubeOp,
    plan::{Change, ChangeKind, StepId},
    report::Weight,
};
use spec::cluster::Taint;

use super::evidence::Place;
use crate::{
    Wish,
    draft::{Draft, Work},
    finding,
};

/// Adds the step that brings labels and taints to what the file says.
pub(crate) fn set_node(place: &Place<'_>, needs: &[StepId], draft: &mut Draft) -> Option<StepId> {
    let node = place.site.node;
    let nothing = node.labels.is_empty() && node.taints.is_empty();
    let (drop_labels, drop_taints) = match place.node.filter(|_| !place.is_ghost()) {
        None if nothing => return None,
        None => (Vec::new(), Vec::new()),
        Some(now) if is_so(now, place) => return None,
        Some(now) => (dropped_labels(now, place), dropped_taints(now, &node.taints)),
    };
    let mut words: Vec<String> = node.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    words.extend(node.taints.iter().map(ToString::to_string));
    words.extend(drop_labels.iter().chain(&drop_taints).map(|gone| format!("−{gone}")));
    let change = Change::new(
        ChangeKind::Modify,
        format!("labels and taints of node {}: {}", node.name, words.join(", ")),
    );
    let op = KubeOp::SetNode {
        node: node.name.clone(),
        labels: node.labels.clone(),
        drop_labels,
        taints: node.taints.clone(),
        drop_taints,
    };
    Some(draft.add_about(&node.name, "labels and taints", Work::kube(op, change), needs))
}

fn is_so(now: &NodeFact, place: &Place<'_>) -> bool {
    let node = place.site.node;
    let labels = node.labels.iter().all(|(key, value)| now.labels.get(key) == Some(value));
    let taints = node.taints.iter().all(|taint| now.taints.contains(taint));
    let owned = node.labels.keys().all(|key| now.owned_labels.contains(key))
        && node.taints.iter().all(|taint| now.owned_taints.contains(&taint_key(taint)));
    labels
        && taints
        && owned
        && dropped_labels(now, place).is_empty()
        && dropped_taints(now, &node.taints).is_empty()
}

fn dropped_labels(now: &NodeFact, place: &Place<'_>) -> Vec<String> {
    now.owned_labels.iter().filter(|key| !place.site.node.labels.contains_key(*key)).cloned().collect()
}

fn dropped_taints(now: &NodeFact, wanted: &[Taint]) -> Vec<String> {
    now.owned_taints
        .iter()
        .filter(|key| !wanted.iter().any(|taint| taint_key(taint) == **key))
        .cloned()
        .collect()
}

fn taint_key(taint: &Taint) -> String {
    format!("{}:{:?}", taint.key, taint.effect)
}

/// Names Nodes that no entry of the file explains, with the command that removes each.
pub(crate) fn orphans(wish: &Wish<'_>, facts: &Facts, draft: &mut Draft) {
    for name in facts.kube.nodes.keys() {
        if wish.cluster.nodes.iter().any(|node| node.name.as_str() == name) {
            continue;
        }
        draft.find(finding::cluster(
            "orphan",
            Weight::Warning,
            format!("node {name} is in the cluster, but no entry of the cluster file explains it"),
            format!("`coracle destroy {name}` takes it out of the cluster; or write its entry back"),
        ));
    }
}
