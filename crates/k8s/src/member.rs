//! Taking a server's member out of etcd, as k3s does it.
//!
//! Owns: the annotations of k3s's member controller (its `pkg/etcd/member_controller.go`): `remove: "true"` asks for
//! it on a Node with the etcd role label; when it is done, the controller writes the member's name into
//! `removed-node-name` and takes `node-name` away. Must not: speak to etcd.

use k8s_openapi::api::core::v1::Node;
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use model::{NodeName, reply::KubeReply};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    adaptor::{Limits, within},
    labels::MANAGER,
    trouble::Trouble,
};

const ROLE: &str = "node-role.kubernetes.io/etcd";
const REMOVE: &str = "etcd.k3s.cattle.io/remove";
const REMOVED: &str = "etcd.k3s.cattle.io/removed-node-name";
const MEMBER: &str = "etcd.k3s.cattle.io/node-name";

/// Asks for the removal and waits for k3s's word. A Node that is gone took its member with it: k3s removes the member
/// before it lets the object go.
pub(crate) async fn remove(client: &Client, node: &NodeName, limits: Limits) -> Result<KubeReply, Trouble> {
    let nodes: Api<Node> = Api::all(client.clone());
    let Some(found) = within(nodes.get_opt(node.as_str())).await? else { return Ok(KubeReply::Unchanged) };
    if is_out(&found) {
        return Ok(KubeReply::Unchanged);
    }
    // An old word about an earlier member of this Node would be taken for the answer.
    let ask = json!({"metadata": {"annotations": {REMOVE: "true", REMOVED: null}}});
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    match within(nodes.patch(node.as_str(), &params, &Patch::Merge(ask))).await {
        Ok(_) => {}
        Err(Trouble::Absent) => return Ok(KubeReply::Changed),
        Err(trouble) => return Err(trouble),
    }
    let deadline = Instant::now() + limits.settle;
    while within(nodes.get_opt(node.as_str())).await?.is_some_and(|node| !is_out(&node)) {
        if Instant::now() >= deadline {
            let text = format!("k3s has not said that the etcd member of {node} is out");
            return Err(Trouble::Late(text));
        }
        sleep(limits.pause).await;
    }
    Ok(KubeReply::Changed)
}

/// Whether there is no member behind this Node any more, or never was.
fn is_out(node: &Node) -> bool {
    let empty = std::collections::BTreeMap::new();
    let annotations = node.metadata.annotations.as_ref().unwrap_or(&empty);
    let is_etcd = node.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(ROLE));
    let member = annotations.get(MEMBER);
    !is_etcd || annotations.get(REMOVED).is_some_and(|removed| member.is_none_or(|member| member == removed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(labels: &[&str], annotations: &[(&str, &str)]) -> Node {
        let mut node = Node::default();
        node.metadata.labels =
            Some(labels.iter().map(|key| ((*key).to_owned(), "true".to_owned())).collect());
        let notes = annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        node.metadata.annotations = Some(notes.collect());
        node
    }

    #[test]
    fn a_member_is_out_when_k3s_says_so_of_this_member() {
        assert!(!is_out(&node(&[ROLE], &[(MEMBER, "a-1")])));
        assert!(!is_out(&node(&[ROLE], &[(MEMBER, "a-1"), (REMOVE, "true")])));
        assert!(is_out(&node(&[ROLE], &[(REMOVE, "true"), (REMOVED, "a-1")])));
        // It was removed, and has joined again as another member.
        assert!(!is_out(&node(&[ROLE], &[(MEMBER, "a-2"), (REMOVE, "true"), (REMOVED, "a-1")])));
    }

    #[test]
    fn a_node_without_etcd_has_no_member() {
        assert!(is_out(&node(&["node-role.kubernetes.io/control-plane"], &[])));
    }
}
