//! The real world: hosts over SSH, the API over channels through the same connections.
//!
//! Owns: assembling the adaptors, and handing each server's admin kubeconfig from the host that showed it to the
//! client of its API. Must not: keep a secret anywhere but in memory.

use std::{cell::RefCell, collections::BTreeMap, path::PathBuf, rc::Rc, sync::Arc};

use engine::World;
use futures::future::{FutureExt as _, LocalBoxFuture, join_all};
use k8s::{Dial, KubeApi, Stream};
use model::{
    NodeName,
    condition::Condition,
    facts::Api,
    fault::HostFault,
    op::{HostOp, KubeOp},
    plan::StepId,
    port::{Access, Events, Exec, ExecStep, Halt, Hosts, Kube},
    reply::{Failure as StepFailure, KubeReply, Said, StepReply},
    secret::Secret,
};
use spec::cluster::Cluster;
use ssh::{Destination, Settings, Ssh};

use super::{clock::RealClock, download::Cache, secrets::OperatorSecrets};
use crate::{
    command::Session,
    failure::{Failure, Kind},
};

/// Where k3s leaves the administrator's kubeconfig.
const KUBECONFIG: &str = "/etc/rancher/k3s/k3s.yaml";
/// The API's port on each server.
const API: u16 = 6443;

/// Admin kubeconfigs by server, as far as they were seen.
type Admins = Rc<RefCell<BTreeMap<NodeName, Secret>>>;

/// The adaptors of the real world.
pub(crate) struct Real {
    hosts: Tapped,
    kube: Reaching,
    artifacts: Cache,
    secrets: OperatorSecrets,
    clock: RealClock,
}

impl Real {
    /// Prepares sessions to a cluster's hosts; nothing is connected yet. `password` is for sudo.
    pub(crate) fn prepare(
        session: &Session,
        cluster: &Cluster,
        password: Option<Secret>,
    ) -> Result<Self, Failure> {
        let to = cluster.nodes.iter().map(|node| Destination {
            name: node.name.clone(),
            target: node.ssh.clone(),
            key: node.host_key.clone(),
        });
        let ssh = Arc::new(open(session, to, password)?);
        let admins = Admins::default();
        let hosts = Tapped { ssh: Arc::clone(&ssh), admins: Rc::clone(&admins) };
        let shown = Rc::clone(&admins);
        let api = KubeApi::new(
            dial(ssh),
            Box::new(move |server| shown.borrow().get(server).cloned()),
            k8s::Limits::default(),
        );
        let cache = session.place.cache().unwrap_or_else(std::env::temp_dir);
        Ok(Self {
            kube: Reaching { api, hosts: hosts.clone(), admins },
            hosts,
            artifacts: Cache::at(cache),
            secrets: OperatorSecrets::beside(&session.global.file),
            clock: RealClock::start(),
        })
    }

    /// The ports, with these listeners.
    pub(crate) fn world<'a>(&'a self, events: &'a dyn Events, halt: &'a dyn Halt) -> World<'a> {
        World {
            hosts: &self.hosts,
            access: &self.hosts,
            kube: &self.kube,
            artifacts: &self.artifacts,
            secrets: &self.secrets,
            clock: &self.clock,
            events,
            halt,
        }
    }

    /// The clock of the run.
    pub(crate) fn clock(&self) -> RealClock {
        self.clock
    }
}

/// Prepares sessions to any hosts.
pub(crate) fn open(
    session: &Session,
    to: impl IntoIterator<Item = Destination>,
    password: Option<Secret>,
) -> Result<Ssh, Failure> {
    let scratch = session.place.var("XDG_RUNTIME_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let settings = Settings {
        config: session.ssh_config(),
        known_hosts: known_hosts(session),
        attended: session.place.can_ask(),
        ..Settings::new(&scratch)
    };
    Ssh::new(settings, to, password).map_err(|error| {
        Failure::new(Kind::CannotWrite, format!("cannot make a directory for ssh's sockets: {error}"))
    })
}

/// Keys that were trusted on first use through coracle.
pub(crate) fn known_hosts(session: &Session) -> Option<PathBuf> {
    Some(session.place.state()?.join("known_hosts"))
}

fn dial(ssh: Arc<Ssh>) -> Dial {
    Arc::new(move |server| {
        let channel = ssh.channel(&server, API);
        async move { channel.map(|channel| Box::new(channel) as Box<dyn Stream>) }.boxed()
    })
}

/// Hosts, and an ear for the admin kubeconfigs that they show.
#[derive(Clone)]
struct Tapped {
    ssh: Arc<Ssh>,
    admins: Admins,
}

impl Hosts for Tapped {
    fn exec<'a>(
        &'a self,
        host: &'a NodeName,
        exec: Exec,
        heard: &'a mut dyn FnMut(Said),
    ) -> LocalBoxFuture<'a, Result<(), HostFault>> {
        async move {
            let mut tap = |said: Said| {
                if let Said::Ended(_, StepReply::Observed(_, Some(admin))) = &said {
                    self.admins.borrow_mut().insert(host.clone(), admin.clone());
                }
                heard(said);
            };
            self.ssh.exec(host, exec, &mut tap).await
        }
        .boxed_local()
    }
}

impl Access for Tapped {
    fn prove<'a>(&'a self, host: &'a NodeName) -> LocalBoxFuture<'a, Result<(), HostFault>> {
        self.ssh.prove(host)
    }
}

/// The API; fetches an admin kubeconfig where none was seen yet, or the one that was seen did not do.
struct Reaching {
    api: KubeApi<'static>,
    hosts: Tapped,
    admins: Admins,
}

impl Reaching {
    async fn fetch(&self, server: &NodeName) {
        let step = ExecStep {
            id: StepId::new(server, "admin kubeconfig"),
            op: HostOp::ReadSecret { path: KUBECONFIG.to_owned() },
            was: Condition::Holds,
            own: None,
            bodies: Vec::new(),
        };
        let mut shown = None;
        let mut heard = |said| {
            if let Said::Ended(_, StepReply::Secret { secret, .. }) = said {
                shown = Some(secret);
            }
        };
        // A server that does not answer, or has none yet, is asked again next time.
        let _ = self.hosts.exec(server, Exec { steps: vec![step] }, &mut heard).await;
        if let Some(secret) = shown {
            self.admins.borrow_mut().insert(server.clone(), secret);
        }
    }
}

impl Kube for Reaching {
    fn ask<'a>(
        &'a self,
        servers: &'a [NodeName],
        op: &'a KubeOp,
    ) -> LocalBoxFuture<'a, Result<KubeReply, StepFailure>> {
        async move {
            let unknown: Vec<_> =
                servers.iter().filter(|server| !self.admins.borrow().contains_key(*server)).collect();
            join_all(unknown.into_iter().map(|server| self.fetch(server))).await;
            let reply = self.api.ask(servers, op).await;
            if let Ok(KubeReply::Observed(facts)) = &reply {
                let down = facts.apis.iter().filter(|(_, api)| **api != Api::Ready);
                down.for_each(|(server, _)| _ = self.admins.borrow_mut().remove(server));
            }
            reply
        }
        .boxed_local()
    }
}
