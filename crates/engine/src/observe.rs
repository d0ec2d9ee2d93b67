//! Looks at the whole world: one exec a host, all at once, then the API once.
//!
//! Owns: turning answers and silences into facts. A host that cannot be looked at is a fact too; looking never
//! fails as a whole. Must not: judge what it sees.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use model::{
    NodeName,
    condition::Condition,
    event::What,
    facts::{Api, Facts, HostFacts, KubeFacts, Seen},
    fault::{Cause, HostFault},
    op::{HostOp, KubeOp, Survey},
    plan::StepId,
    port::{Exec, ExecStep},
    reply::{Failure, FailureKind, KubeReply, Said, StepReply},
    secret::Secret,
};

use crate::{
    Run, World,
    content::{Loaded, Sources},
    hush::Hush,
};

/// How many hosts are looked at together: enough for any cluster at home, few enough for an operator's file limits.
const AT_ONCE: usize = 64;

/// What one look at the world gave.
#[derive(Clone, Debug)]
pub struct Sight {
    /// The facts.
    pub facts: Facts,
    /// Admin kubeconfigs, of the hosts whose survey asked for one and that have it.
    pub admin: BTreeMap<NodeName, Secret>,
}

/// Looks at every host of `surveys` at once, then at the API through those of `servers` that have k3s.
///
/// With `release` each host first gives back the cluster lock if this run holds it, in the same exec.
pub async fn observe(
    world: &World<'_>,
    surveys: &BTreeMap<NodeName, Survey>,
    servers: &[NodeName],
    release: Option<&Run>,
) -> Facts {
    look(world, surveys, servers, release).await.facts
}

/// As [`observe`], with the secrets that were asked for.
pub async fn look(
    world: &World<'_>,
    surveys: &BTreeMap<NodeName, Survey>,
    servers: &[NodeName],
    release: Option<&Run>,
) -> Sight {
    let taken = world.clock.epoch();
    let answers: Vec<_> = stream::iter(surveys)
        .map(|(host, survey)| one_host(world, host, survey, release))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut sight = Sight { facts: Facts { taken, ..Facts::default() }, admin: BTreeMap::new() };
    for (host, seen, admin) in answers {
        sight.admin.extend(admin.map(|secret| (host.clone(), secret)));
        sight.facts.hosts.insert(host.clone(), seen);
    }
    sight.facts.kube = ask_api(world, &sight.facts, servers).await;
    sight
}

async fn one_host<'a>(
    world: &World<'_>,
    host: &'a NodeName,
    survey: &Survey,
    release: Option<&Run>,
) -> (&'a NodeName, Seen, Option<Secret>) {
    world.tell(What::Observing { host: host.clone() });
    match once(world, host, survey, release).await {
        Ok((facts, admin)) => {
            world.tell(What::Observed { host: host.clone() });
            (host, Seen::Known(facts), admin)
        }
        Err(fault) => {
            world.tell(What::Dark { host: host.clone(), fault: fault.clone() });
            (host, Seen::Dark(fault), None)
        }
    }
}

/// Looks at one host. A connection that breaks is tried once more; a lock that cannot be given back hides nothing.
pub(crate) async fn once(
    world: &World<'_>,
    host: &NodeName,
    survey: &Survey,
    mut release: Option<&Run>,
) -> Result<(HostFacts, Option<Secret>), HostFault> {
    let mut hush = Hush::default();
    let loaded = Sources::new(world, &|_| None, &mut hush).load(&HostOp::Observe(survey.clone()));
    let loaded = loaded.expect("a survey does without what cannot be resolved");
    let mut lost = false;
    loop {
        let steps =
            release.map(|run| giving_back(host, run)).into_iter().chain([looking(host, &loaded)]).collect();
        let mut answer = None;
        let mut refused = None;
        let mut heard = |said| match said {
            Said::Ended(_, StepReply::Observed(facts, admin)) => answer = Some((facts, admin)),
            Said::Ended(_, StepReply::Failed(failure)) => refused = Some(failure),
            _ => {}
        };
        let ended = world.hosts.exec(host, Exec { steps }, &mut heard).await;
        if let Some(answer) = answer {
            return Ok(answer);
        }
        match (refused, ended) {
            (Some(_), _) if release.is_some() => release = None,
            (Some(failure), _) => return Err(hush.fault(silence(failure))),
            (None, Err(fault)) if fault.cause == Cause::Lost && !lost => lost = true,
            (None, Err(fault)) => return Err(hush.fault(fault)),
            (None, Ok(())) => return Err(HostFault::new(Cause::Garbled, "no facts in the answer")),
        }
    }
}

fn looking(host: &NodeName, loaded: &Loaded) -> ExecStep {
    let (op, bodies) = (loaded.op.clone(), loaded.bodies.clone());
    ExecStep { id: StepId::new(host, "observe"), op, was: Condition::Holds, own: None, bodies }
}

fn giving_back(host: &NodeName, run: &Run) -> ExecStep {
    let op = HostOp::ReleaseLock { holder: run.holder.clone() };
    let id = StepId::new(host, "give back the cluster lock");
    ExecStep { id, op, was: Condition::Holds, own: None, bodies: Vec::new() }
}

fn silence(failure: Failure) -> HostFault {
    let cause = match failure.kind {
        FailureKind::DiskFull => Cause::DiskFull,
        FailureKind::Missing => Cause::Unsupported,
        FailureKind::Locked => Cause::Locked,
        _ => Cause::Garbled,
    };
    HostFault::new(cause, failure.detail)
}

/// Only servers that answered and have k3s are asked: on fresh machines nothing listens, and asking costs time.
async fn ask_api(world: &World<'_>, facts: &Facts, servers: &[NodeName]) -> KubeFacts {
    let has_k3s = |server: &&NodeName| {
        facts.host(server).is_some_and(|host| {
            let k3s = &host.stable.k3s;
            !k3s.services.is_empty() || k3s.data.has_datastore()
        })
    };
    let asked: Vec<_> = servers.iter().filter(has_k3s).cloned().collect();
    if asked.is_empty() {
        return KubeFacts::default();
    }
    let why = match world.kube.ask(&asked, &KubeOp::Observe).await {
        Ok(KubeReply::Observed(kube)) => {
            let ready = kube.apis.values().filter(|api| **api == Api::Ready).count();
            world.tell(What::KubeObserved { ready, nodes: kube.nodes.len() });
            return kube;
        }
        Ok(KubeReply::Changed | KubeReply::Unchanged) => "answered without facts".to_owned(),
        Err(failure) => failure.detail,
    };
    world.tell(What::KubeObserved { ready: 0, nodes: 0 });
    let apis = asked.into_iter().map(|server| (server, Api::Down(why.clone()))).collect();
    KubeFacts { apis, nodes: BTreeMap::new() }
}
