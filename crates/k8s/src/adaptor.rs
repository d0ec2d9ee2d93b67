//! The engine's port to the Kubernetes API.
//!
//! Owns: a client for each server, kept while its kubeconfig stays the same, and which server is asked. Must not:
//! ask without a deadline.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use futures::future::LocalBoxFuture;
use kube::Client;
use model::{
    NodeName,
    op::KubeOp,
    port::Kube,
    reply::{Failure, FailureKind, KubeReply},
    secret::Secret,
};
use tokio::time::timeout;

use crate::{
    admin, delete,
    dial::Dial,
    labels::{self, Wanted},
    member, observe,
    trouble::Trouble,
};

/// Longest time for one request, connection and all.
const PATIENCE: Duration = Duration::from_secs(10);

/// The admin kubeconfig that each server showed, where it showed one.
pub type Admins<'a> = Box<dyn Fn(&NodeName) -> Option<Secret> + 'a>;

/// How long changes may take to come true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a removal or deletion that k3s carries out after it was asked for.
    pub settle: Duration,
    /// Between two looks meanwhile.
    pub pause: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { settle: Duration::from_mins(2), pause: Duration::from_millis(500) }
    }
}

/// The Kubernetes API through each server's own endpoint. Futures need a tokio runtime.
pub struct KubeApi<'a> {
    dial: Dial,
    admins: Admins<'a>,
    limits: Limits,
    clients: RefCell<BTreeMap<NodeName, (Secret, Client)>>,
}

impl std::fmt::Debug for KubeApi<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("KubeApi").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl<'a> KubeApi<'a> {
    /// Asks through these channels with these credentials.
    pub fn new(dial: Dial, admins: Admins<'a>, limits: Limits) -> Self {
        Self { dial, admins, limits, clients: RefCell::default() }
    }

    /// A client for a server; the one made before while the kubeconfig is the same.
    fn client(&self, server: &NodeName) -> Result<Client, String> {
        let Some(kubeconfig) = (self.admins)(server) else {
            return Err(format!("no admin kubeconfig was found on {server}"));
        };
        let mut clients = self.clients.borrow_mut();
        if let Some((known, client)) = clients.get(server)
            && *known == kubeconfig
        {
            return Ok(client.clone());
        }
        let client = admin::client(server, &kubeconfig, &self.dial)?;
        clients.insert(server.clone(), (kubeconfig, client.clone()));
        Ok(client)
    }

    /// Carries an operation out through the first server that answers. Every operation may be repeated, so one that
    /// broke half-way is begun again at the next.
    async fn change(
        &self,
        servers: &[NodeName],
        node: &NodeName,
        change: &impl AsyncFn(Client) -> Result<KubeReply, Trouble>,
    ) -> Result<KubeReply, Failure> {
        let mut dark = Vec::new();
        for server in servers {
            let trouble = match self.client(server) {
                Ok(client) => match change(client).await {
                    Ok(reply) => return Ok(reply),
                    Err(trouble) => trouble,
                },
                Err(why) => Trouble::Dark(why),
            };
            match trouble {
                Trouble::Dark(why) => dark.push(format!("{server}: {why}")),
                Trouble::Absent => {
                    return Err(Failure::new(FailureKind::Refused, format!("there is no node {node}")));
                }
                other => return Err(other.into()),
            }
        }
        let why = if dark.is_empty() { "no server can be asked".to_owned() } else { dark.join("; ") };
        Err(Failure::new(FailureKind::Deadline, format!("no API answered: {why}")))
    }
}

impl Kube for KubeApi<'_> {
    fn ask<'b>(
        &'b self,
        servers: &'b [NodeName],
        op: &'b KubeOp,
    ) -> LocalBoxFuture<'b, Result<KubeReply, Failure>> {
        Box::pin(async move {
            match op {
                KubeOp::Observe => {
                    let clients: Vec<_> =
                        servers.iter().map(|server| (server.clone(), self.client(server))).collect();
                    Ok(KubeReply::Observed(observe::observe(&clients).await))
                }
                KubeOp::SetNode { node, labels, drop_labels, taints, drop_taints } => {
                    let wanted = Wanted { labels, drop_labels, taints, drop_taints };
                    self.change(servers, node, &async |client| labels::set(&client, node, wanted).await).await
                }
                KubeOp::RemoveMember { node } => {
                    let limits = self.limits;
                    self.change(servers, node, &async |client| member::remove(&client, node, limits).await)
                        .await
                }
                KubeOp::DeleteNode { node } => {
                    let limits = self.limits;
                    self.change(servers, node, &async |client| delete::delete(&client, node, limits).await)
                        .await
                }
            }
        })
    }
}

/// One request, with its deadline.
pub(crate) async fn within<T>(asked: impl Future<Output = kube::Result<T>>) -> Result<T, Trouble> {
    match timeout(PATIENCE, asked).await {
        Ok(answer) => answer.map_err(Trouble::from),
        Err(_) => Err(Trouble::late(PATIENCE)),
    }
}
