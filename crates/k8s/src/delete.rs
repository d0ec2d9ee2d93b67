//! Deleting a Node.
//!
//! Owns: the object, and the node password that would keep a machine of the same name from joining. Must not: drain.

use k8s_openapi::api::core::v1::{Node, Secret};
use kube::{Api, Client, api::DeleteParams};
use model::{NodeName, reply::KubeReply};
use tokio::time::{Instant, sleep};

use crate::{
    adaptor::{Limits, within},
    trouble::Trouble,
};

/// Deletes a Node, waits until k3s's finalizers have let it go, and deletes its node password.
pub(crate) async fn delete(client: &Client, node: &NodeName, limits: Limits) -> Result<KubeReply, Trouble> {
    let nodes: Api<Node> = Api::all(client.clone());
    let secrets: Api<Secret> = Api::namespaced(client.clone(), "kube-system");
    let was_there = gone(within(nodes.delete(node.as_str(), &DeleteParams::default())).await.map(drop))?;
    let deadline = Instant::now() + limits.settle;
    while was_there && within(nodes.get_opt(node.as_str())).await?.is_some() {
        if Instant::now() >= deadline {
            return Err(Trouble::Late(format!(
                "node {node} is marked for deletion, but its finalizers hold it"
            )));
        }
        sleep(limits.pause).await;
    }
    // k3s deletes it with the Node, from v1.22 on and when it runs.
    let password = format!("{node}.node-password.k3s");
    let had_password = gone(within(secrets.delete(&password, &DeleteParams::default())).await.map(drop))?;
    Ok(if was_there || had_password { KubeReply::Changed } else { KubeReply::Unchanged })
}

/// Whether a deleted thing was there.
fn gone(deleted: Result<(), Trouble>) -> Result<bool, Trouble> {
    match deleted {
        Ok(()) => Ok(true),
        Err(Trouble::Absent) => Ok(false),
        Err(trouble) => Err(trouble),
    }
}
