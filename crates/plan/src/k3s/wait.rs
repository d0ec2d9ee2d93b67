//! Until when the next step waits: API ready, Node Ready, etcd member votes.
//!
//! Owns: what a started node is waited for, and how long at most. Must not: start anything.

use std::time::Duration;

use model::{
    facts::NodeFact,
    plan::{Await, StepId},
};
use spec::cluster::{Cni, Datastore, Role};

use super::{
    evidence::{Evidence, Place},
    object,
};
use crate::{
    Wish,
    draft::{Draft, Work},
    site::Site,
};

/// How long a server may take until its API is ready, or a node until it is Ready.
const PATIENCE: Duration = Duration::from_mins(5);

/// Waits after a start.
pub(super) fn await_started(
    wish: &Wish<'_>,
    evidence: &Evidence<'_>,
    place: &Place<'_>,
    needs: &[StepId],
    draft: &mut Draft,
) -> Vec<StepId> {
    let name = place.name();
    let mut needs = needs.to_vec();
    if place.role() == Role::Server {
        needs = vec![await_api(&place.site, &needs, draft)];
    }
    let version = Some(wish.cluster.kubernetes.version.clone());
    let (what, until) = if makes_ready(wish.cluster.network.cni) {
        ("node ready", Await::NodeReady(name.clone(), version))
    } else {
        ("node registered", Await::Registered(name.clone()))
    };
    let mut ready = vec![draft.add(&place.site, what, Work::wait(until, PATIENCE), &needs)];
    if place.role() == Role::Server && *evidence.datastore() == Datastore::Etcd {
        let votes = Work::wait(Await::Voter(name.clone()), PATIENCE);
        ready.push(draft.add(&place.site, "etcd votes", votes, &ready.clone()));
    }
    ready
}

/// Waits for the API endpoint of a server.
pub(crate) fn await_api(site: &Site<'_>, needs: &[StepId], draft: &mut Draft) -> StepId {
    let until = Await::ApiReady(site.name().clone());
    draft.add(site, "API ready", Work::wait(until, PATIENCE), needs)
}

/// Waits for a node that runs but is not ready yet: a run before this one may have died while it waited.
pub(crate) fn await_ready(
    wish: &Wish<'_>,
    evidence: &Evidence<'_>,
    place: &Place<'_>,
    needs: &[StepId],
    draft: &mut Draft,
) -> Vec<StepId> {
    // A Node tells of the kubelet before the last start until the new one has registered.
    let is_new = |node: &NodeFact| {
        node.version.as_ref().is_none_or(|version| *version == wish.cluster.kubernetes.version)
    };
    let fine = !place.is_ghost()
        && place
            .node
            .is_some_and(|node| node.ready && is_new(node) || !makes_ready(wish.cluster.network.cni));
    let votes = place.role() == Role::Agent
        || *evidence.datastore() != Datastore::Etcd
        || place.node.is_some_and(|node| node.voter == Some(true));
    let api = place.role() == Role::Agent || place.api;
    let mut ready =
        if fine && votes && api { Vec::new() } else { await_started(wish, evidence, place, needs, draft) };
    let after = if ready.is_empty() { needs.to_vec() } else { ready.clone() };
    ready.extend(object::set_node(place, &after, draft));
    ready
}

/// Whether coracle installs what makes a node Ready. With any CNI but flannel that is the user's.
fn makes_ready(cni: Cni) -> bool {
    matches!(cni, Cni::Flannel(_))
}
