//! Looking at the API.
//!
//! Owns: which servers are ready, and the Nodes as one ready server shows them. Must not: fail: what cannot be seen
//! is a fact too.

use std::collections::BTreeMap;

use futures::future::join_all;
use http::Request;
use k8s_openapi::api::core::v1::Node;
use kube::{Api as Objects, Client, api::ListParams};
use model::{
    NodeName,
    facts::{Api, KubeFacts, NodeFact},
};

use crate::{adaptor::within, facts::node_fact, trouble::Trouble};

/// Asks every server at once whether it is ready, then the first ready one for the Nodes. A server that cannot list
/// them is not ready for anything either.
pub(crate) async fn observe(servers: &[(NodeName, Result<Client, String>)]) -> KubeFacts {
    let asked = servers.iter().map(|(name, client)| async move { (name.clone(), readiness(client).await) });
    let mut facts = KubeFacts { apis: join_all(asked).await.into_iter().collect(), nodes: BTreeMap::new() };
    for (name, client) in servers {
        let (Ok(client), Some(Api::Ready)) = (client, facts.apis.get(name)) else { continue };
        match list(client).await {
            Ok(nodes) => {
                facts.nodes = nodes;
                break;
            }
            Err(trouble) => {
                let why = format!("says that it is ready, but cannot list nodes: {}", trouble.text());
                facts.apis.insert(name.clone(), Api::Down(why));
            }
        }
    }
    facts
}

async fn readiness(client: &Result<Client, String>) -> Api {
    let client = match client {
        Ok(client) => client,
        Err(why) => return Api::Down(why.clone()),
    };
    let request = match Request::get("/readyz").body(Vec::new()) {
        Ok(request) => request,
        Err(bad) => return Api::Down(bad.to_string()),
    };
    match within_raw(client.request_text(request)).await {
        Ok(_) => Api::Ready,
        Err(why) => Api::Down(why),
    }
}

async fn list(client: &Client) -> Result<BTreeMap<String, NodeFact>, Trouble> {
    let nodes: Objects<Node> = Objects::all(client.clone());
    let listed = within(nodes.list(&ListParams::default())).await?;
    let named = |node: &Node| Some((node.metadata.name.clone()?, node_fact(node)));
    Ok(listed.items.iter().filter_map(named).collect())
}

/// Like [`within`], but with the checks that failed out of the body of a `/readyz` that says no.
async fn within_raw(asked: impl Future<Output = kube::Result<String>>) -> Result<String, String> {
    within(async {
        asked.await.map_err(|error| match error {
            kube::Error::Api(mut status) => {
                if let Some(checks) = failed_checks(&status.message) {
                    status.message = checks;
                }
                kube::Error::Api(status)
            }
            other => other,
        })
    })
    .await
    .map_err(Trouble::text)
}

/// The names of the checks that failed: lines of the form `[-]etcd failed: reason withheld`.
fn failed_checks(body: &str) -> Option<String> {
    let failed: Vec<_> = body
        .lines()
        .filter_map(|line| line.trim().strip_prefix("[-]"))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    if failed.is_empty() { None } else { Some(format!("/readyz fails: {}", failed.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failed_checks_are_named() {
        let body =
            "[+]ping ok\n[-]etcd failed: reason withheld\n[-]informer-sync failed: x\nreadyz check failed";
        assert_eq!(failed_checks(body).as_deref(), Some("/readyz fails: etcd, informer-sync"));
        assert_eq!(failed_checks("Unauthorized"), None);
    }
}
