//! Labels and taints of a Node.
//!
//! Owns: the difference between a Node and what is wanted of it, as one patch that only holds on the version it was
//! made from. Must not: touch labels and taints that coracle did not set.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Node, Taint};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use model::{NodeName, reply::KubeReply};
use serde_json::{Map, Value, json};

use crate::{
    adaptor::within,
    facts::{OWNED_LABELS, OWNED_TAINTS, owned, taint_id},
    trouble::Trouble,
};

/// Who the API records as having set a field.
pub(crate) const MANAGER: &str = "coracle";
/// How often a Node is read again that somebody else changed in between; kubelets write theirs every few seconds.
const TRIES: u32 = 5;

/// What is wanted of a Node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) labels: &'a BTreeMap<String, String>,
    pub(crate) drop_labels: &'a [String],
    pub(crate) taints: &'a [model::Taint],
    pub(crate) drop_taints: &'a [String],
}

/// Brings a Node to what is wanted.
pub(crate) async fn set(client: &Client, node: &NodeName, wanted: Wanted<'_>) -> Result<KubeReply, Trouble> {
    let nodes: Api<Node> = Api::all(client.clone());
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    for _ in 0..TRIES {
        let found = within(nodes.get(node.as_str())).await?;
        let Some(patch) = patch(&found, wanted) else { return Ok(KubeReply::Unchanged) };
        match within(nodes.patch(node.as_str(), &params, &Patch::Merge(patch))).await {
            Ok(_) => return Ok(KubeReply::Changed),
            Err(Trouble::Conflict) => {}
            Err(trouble) => return Err(trouble),
        }
    }
    Err(Trouble::Conflict)
}

/// The merge patch from a Node to what is wanted; `None` when nothing differs. A merge patch replaces lists whole, so
/// it names the version it was made from and the API refuses it on any other.
fn patch(node: &Node, wanted: Wanted<'_>) -> Option<Value> {
    let mut labels = Map::new();
    let have = node.metadata.labels.clone().unwrap_or_default();
    for (key, value) in wanted.labels {
        if have.get(key) != Some(value) {
            labels.insert(key.clone(), json!(value));
        }
    }
    for key in wanted.drop_labels {
        if have.contains_key(key) && !wanted.labels.contains_key(key) {
            labels.insert(key.clone(), Value::Null);
        }
    }
    let before = node.spec.clone().unwrap_or_default().taints.unwrap_or_default();
    let taints = merge_taints(&before, wanted);
    let annotations = notes(node, wanted);
    if labels.is_empty() && annotations.is_empty() && taints == before {
        return None;
    }
    let version = &node.metadata.resource_version;
    let mut patch =
        json!({"metadata": {"resourceVersion": version, "labels": labels, "annotations": annotations}});
    if taints != before {
        patch["spec"] = json!({"taints": taints});
    }
    Some(patch)
}

/// The Node's taints with the wanted ones in their places or behind, and without the dropped ones.
fn merge_taints(before: &[Taint], wanted: Wanted<'_>) -> Vec<Taint> {
    let mut merged = before.to_vec();
    for taint in wanted.taints {
        let value = Some(taint.value.clone()).filter(|value| !value.is_empty());
        let new =
            Taint { key: taint.key.clone(), value, effect: format!("{:?}", taint.effect), time_added: None };
        match merged.iter_mut().find(|old| taint_id(old) == taint_id(&new)) {
            Some(old) if old.value.as_deref().unwrap_or_default() == taint.value => {}
            Some(old) => *old = new,
            None => merged.push(new),
        }
    }
    let kept: BTreeSet<_> =
        wanted.taints.iter().map(|taint| format!("{}:{:?}", taint.key, taint.effect)).collect();
    merged.retain(|taint| {
        let id = taint_id(taint);
        kept.contains(&id) || !wanted.drop_taints.contains(&id)
    });
    merged
}

/// The changes to coracle's two annotations: what it had set and does not drop, and what it sets now.
fn notes(node: &Node, wanted: Wanted<'_>) -> Map<String, Value> {
    let taints: Vec<_> =
        wanted.taints.iter().map(|taint| format!("{}:{:?}", taint.key, taint.effect)).collect();
    let labels: Vec<_> = wanted.labels.keys().cloned().collect();
    let mut changes = Map::new();
    for (annotation, sets, drops) in
        [(OWNED_LABELS, labels, wanted.drop_labels), (OWNED_TAINTS, taints, wanted.drop_taints)]
    {
        let before: BTreeSet<_> = owned(node, annotation).into_iter().collect();
        let mut after: BTreeSet<_> = before.iter().filter(|name| !drops.contains(name)).cloned().collect();
        after.extend(sets);
        if after != before {
            let list: Vec<_> = after.into_iter().collect();
            let note = if list.is_empty() { Value::Null } else { Value::String(list.join(",")) };
            changes.insert(annotation.to_owned(), note);
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Effect;

    fn node() -> Node {
        serde_json::from_value(json!({
            "metadata": {
                "name": "harbor-1",
                "resourceVersion": "7",
                "labels": {"kubernetes.io/arch": "amd64", "old": "1", "zone": "home"},
                "annotations": {"coracle.dev/labels": "old,zone", "coracle.dev/taints": "gone:NoSchedule", "theirs": "x"},
            },
            "spec": {"taints": [
                {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute", "timeAdded": "2026-11-20T10:00:00Z"},
                {"key": "gone", "effect": "NoSchedule"},
                {"key": "dedicated", "value": "web", "effect": "NoSchedule"},
            ]},
        }))
        .expect("a Node")
    }

    #[test]
    fn a_patch_names_only_what_differs_and_leaves_the_rest() {
        let labels =
            BTreeMap::from([("zone".to_owned(), "home".to_owned()), ("disk".to_owned(), "ssd".to_owned())]);
        let taints =
            [model::Taint { key: "dedicated".into(), value: "db".into(), effect: Effect::NoSchedule }];
        let wanted = Wanted {
            labels: &labels,
            drop_labels: &["old".to_owned()],
            taints: &taints,
            drop_taints: &["gone:NoSchedule".to_owned()],
        };
        let patch = patch(&node(), wanted).expect("a difference");
        assert_eq!(
            patch,
            json!({
                "metadata": {
                    "resourceVersion": "7",
                    "labels": {"disk": "ssd", "old": null},
                    "annotations": {"coracle.dev/labels": "disk,zone", "coracle.dev/taints": "dedicated:NoSchedule"},
                },
                "spec": {"taints": [
                    {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute", "timeAdded": "2026-11-20T10:00:00Z"},
                    {"key": "dedicated", "value": "db", "effect": "NoSchedule"},
                ]},
            })
        );
    }

    #[test]
    fn a_node_that_is_as_wanted_needs_no_patch() {
        let labels =
            BTreeMap::from([("old".to_owned(), "1".to_owned()), ("zone".to_owned(), "home".to_owned())]);
        let taints = [model::Taint { key: "gone".into(), value: String::new(), effect: Effect::NoSchedule }];
        let wanted = Wanted { labels: &labels, drop_labels: &[], taints: &taints, drop_taints: &[] };
        assert_eq!(patch(&node(), wanted), None);
    }

    #[test]
    fn the_last_owned_thing_takes_its_note_with_it() {
        let drop_taints = ["gone:NoSchedule".to_owned()];
        let drop_labels = ["old".to_owned(), "zone".to_owned()];
        let labels = BTreeMap::new();
        let wanted =
            Wanted { labels: &labels, drop_labels: &drop_labels, taints: &[], drop_taints: &drop_taints };
        let patch = patch(&node(), wanted).expect("a difference");
        assert_eq!(
            patch["metadata"]["annotations"],
            json!({"coracle.dev/labels": null, "coracle.dev/taints": null})
        );
    }
}
