//! Whose turn it is: one server at a time; agents (`agents`) after the servers they need.
//!
//! Owns: the edges between hosts. Everything that takes a server down or brings a new one in hangs on one chain, the
//! gate: each link waits until the one before it is ready and, with etcd, votes. Must not: know how one host is
//! brought about (`node`).

mod agents;
mod reads;

use std::{collections::BTreeSet, time::Duration};

use model::{
    op::KubeOp,
    plan::{Change, ChangeKind, StepId},
    report::Weight,
};
use spec::{
    cluster::{Datastore, Role},
    name::NodeName,
};

use super::{
    config::{self, Form},
    course::Course,
    evidence::{Evidence, Life, Place},
    node::{self, Bring, Tokens},
    wait, want,
};
use crate::{
    Wish,
    draft::{Draft, Work},
    finding,
};
use reads::Reads;

/// Adds the steps of all hosts.
pub(crate) fn plan(
    wish: &Wish<'_>,
    evidence: &Evidence<'_>,
    course: &Course,
    barred: &BTreeSet<NodeName>,
    draft: &mut Draft,
) {
    let mut queue = Queue {
        wish,
        evidence,
        barred,
        gate: Vec::new(),
        open: Vec::new(),
        reads: Reads::default(),
        source: None,
        held: BTreeSet::new(),
    };
    match course {
        Course::Wait(why) => queue.prepare_all(why, draft),
        Course::Found(founder) => queue.found(founder, draft),
        Course::Grow(source) => queue.grow(source, draft),
        Course::StartCold(source) => queue.start_cold(source, draft),
    }
    queue.mixed_ends(draft);
}

/// How long after its host has booted a server may still be starting.
const STARTING: Duration = Duration::from_mins(5);

/// The chain that servers queue in.
struct Queue<'a, 'w> {
    wish: &'a Wish<'w>,
    evidence: &'a Evidence<'w>,
    barred: &'a BTreeSet<NodeName>,
    /// What the next server has to wait for.
    gate: Vec<StepId>,
    /// What agents and readers of tokens have to wait for: that the source serves, and, while the version changes, that
    /// all members have it, or a kubelet could be newer than an API server it meets.
    open: Vec<StepId>,
    reads: Reads,
    /// Servers that have to restart and may not: no agent gets a newer version before them.
    held: BTreeSet<NodeName>,
    /// The server that tokens are read from and that others join through.
    source: Option<NodeName>,
}

impl<'w> Queue<'_, 'w> {
    fn usable(&self, role: Role, life: Life) -> Vec<Place<'w>> {
        let places = self.evidence.places.values().filter(|place| place.role() == role && place.life == life);
        places.filter(|place| !self.barred.contains(place.name())).cloned().collect()
    }

    /// Files and binary everywhere, nothing started. What runs already, begun by a run that died since, is left alone: it
    /// would find another binary when it begins again by itself.
    fn prepare_all(&mut self, why: &str, draft: &mut Draft) {
        let dark: Vec<_> = self.evidence.dark_servers.iter().map(ToString::to_string).collect();
        let who = if dark.is_empty() { String::new() } else { format!(" ({})", dark.join(", ")) };
        draft.find(finding::cluster(
            "founding-blocked",
            Weight::Waits,
            format!("no cluster is founded and nobody joins: {why}{who}"),
            if dark.is_empty() {
                "mend what is refused above, then run again"
            } else {
                "bring it back, or take it out of the cluster file when it is gone for good, then run again"
            },
        ));
        for role in [Role::Server, Role::Agent] {
            for place in self.usable(role, Life::Fresh).into_iter().filter(|place| !place.active) {
                node::prepare(self.wish, &place, draft);
            }
        }
    }

    fn found(&mut self, founder: &NodeName, draft: &mut Draft) {
        let place = self.evidence.places[founder].clone();
        let form = if *self.evidence.datastore() == Datastore::Etcd { Form::Found } else { Form::Alone };
        let bring = Bring { form, gate: &[], tokens: Tokens::Make, ghost: Vec::new() };
        self.gate = node::bring(self.wish, self.evidence, &place, bring, draft);
        self.source = Some(founder.clone());
        self.open = self.gate.clone();
        self.join_servers(Some(founder), draft);
        self.join_agents(draft);
    }

    fn grow(&mut self, source: &NodeName, draft: &mut Draft) {
        self.source = Some(source.clone());
        self.roll_members(draft);
        self.open = self.gate.clone();
        self.join_servers(None, draft);
        self.agents(draft);
    }

    /// A majority has to come up together: no member waits for another. One that works in vain because what it reads is
    /// not what is wanted (a mistake in the file, mended since) begins anew: it serves nobody, and would be waited for in
    /// vain. Just after its host has booted it may still come up by itself.
    fn start_cold(&mut self, source: &NodeName, draft: &mut Draft) {
        self.source = Some(source.clone());
        let mut ends = Vec::new();
        for place in self.usable(Role::Server, Life::Member) {
            let bring = Bring {
                form: member_form(self.evidence, &place),
                gate: &[],
                tokens: Tokens::Have,
                ghost: Vec::new(),
            };
            let young = place.site.facts.volatile.uptime < STARTING.as_secs();
            if place.active && (young || !node::disrupts(self.wish, &place)) {
                ends.extend(wait::await_ready(self.wish, self.evidence, &place, &[], draft));
            } else {
                ends.extend(node::bring(self.wish, self.evidence, &place, bring, draft));
            }
        }
        self.gate = ends;
        self.open = self.gate.clone();
        self.join_servers(None, draft);
        self.agents(draft);
    }

    /// Brings the servers that are in the cluster to what is wanted, the ailing ones first.
    fn roll_members(&mut self, draft: &mut Draft) {
        let mut members = self.usable(Role::Server, Life::Member);
        members.sort_by_key(|place| {
            (place.active && place.node.is_some_and(|node| node.ready), place.name().clone())
        });
        for place in members {
            let form = member_form(self.evidence, &place);
            if node::disrupts(self.wish, &place) && !self.may_disrupt(&place) {
                draft.find(finding::on(
                    place.name(),
                    "quorum-at-risk",
                    Weight::Waits,
                    format!("{} must restart, but etcd would lose its majority: not all other members vote and are ready", place.name()),
                    "bring the other servers back first, then run again",
                ));
                self.held.insert(place.name().clone());
                continue;
            }
            let tokens = self.member_tokens(&place, draft);
            let gate = self.gate.clone();
            let bring = Bring { form, gate: &gate, tokens, ghost: Vec::new() };
            let end = node::bring(self.wish, self.evidence, &place, bring, draft);
            self.gate = behind(gate, &place, end, draft);
        }
    }

    /// Whether etcd keeps its majority while this member is down. With one or two members no restart can keep it.
    fn may_disrupt(&self, place: &Place<'_>) -> bool {
        let (members, healthy) = self.evidence.voters();
        let counts = place.node.is_some_and(|node| node.voter == Some(true) && node.ready);
        let left = healthy - usize::from(counts);
        let all = members.len() + self.evidence.unseen_voters();
        all <= 2 && healthy == all || !counts || left > all / 2
    }

    fn join_servers(&mut self, founder: Option<&NodeName>, draft: &mut Draft) {
        // Whoever is prepared goes first: one that cannot be (a full disk, no way to the binary) keeps nobody waiting
        // when the plan is made again.
        let mut fresh = self.usable(Role::Server, Life::Fresh);
        fresh.sort_by_key(|place| (!node::is_prepared(self.wish, place), place.name().clone()));
        // Every lost member goes before anybody joins: etcd takes nobody in while one of its voters does not answer.
        let mut turns = Vec::new();
        for place in fresh.into_iter().filter(|place| founder != Some(place.name())) {
            let Some(ghost) = self.lay_ghost(&place, draft) else { continue };
            if !ghost.is_empty() {
                self.gate.clone_from(&ghost);
            }
            turns.push((place, ghost));
        }
        for (place, ghost) in turns {
            let form = match self.evidence.datastore() {
                Datastore::External(_) => Form::Alone,
                _ => Form::Join(self.source_url()),
            };
            let tokens =
                Tokens::Put { join: self.read_server_token(draft), agents: Some(self.read_password(draft)) };
            let gate = self.gate.clone();
            let bring = Bring { form, gate: &gate, tokens, ghost };
            let end = node::bring(self.wish, self.evidence, &place, bring, draft);
            self.gate = behind(gate, &place, end, draft);
        }
    }

    /// Takes the remains of a node's earlier life out of the cluster. `None` when that would cost etcd its majority.
    fn lay_ghost(&self, place: &Place<'_>, draft: &mut Draft) -> Option<Vec<StepId>> {
        if !place.is_ghost() {
            return Some(Vec::new());
        }
        let name = place.name();
        let mut needs = self.gate.clone();
        if place.node.is_some_and(|node| node.voter.is_some()) {
            let (members, healthy) = self.evidence.voters();
            if healthy <= members.len() / 2 {
                draft.find(finding::on(
                    name,
                    "quorum-lost",
                    Weight::Refused,
                    format!(
                        "{name} has lost its data and etcd has no majority without it: it cannot be replaced"
                    ),
                    "bring the other servers back, or restore a snapshot",
                ));
                return None;
            }
            let title = format!("take the lost etcd member of {name} out of the cluster");
            let work = Work::kube(
                KubeOp::RemoveMember { node: name.clone() },
                Change::new(ChangeKind::Remove, title),
            );
            needs = vec![draft.add_about(name, "remove member", work, &needs)];
        }
        let title = format!("delete node {name} and its password: the host has lost its data");
        let work =
            Work::kube(KubeOp::DeleteNode { node: name.clone() }, Change::new(ChangeKind::Remove, title));
        Some(vec![draft.add_about(name, "delete node", work, &needs)])
    }

    /// Says what a version change does not do yet.
    fn mixed_ends(&self, draft: &mut Draft) {
        let wanted = &self.wish.cluster.kubernetes.version;
        let changes = self.evidence.places.values().any(|place| {
            place.life == Life::Member
                && place.site.stable().k3s.version.as_ref().is_some_and(|now| now != wanted)
        });
        if changes {
            draft.find(finding::cluster(
                "no-drain",
                Weight::Note,
                format!("nodes go to {wanted} one after the other without being drained: pods keep running while k3s restarts"),
                "drain by hand with kubectl where a workload needs it",
            ));
        }
    }
}

/// What the next in a queue waits for. Who begins anew does so behind the gate, and stands for it; who is only waited for
/// or labelled does not, so that the next waits for both.
fn behind(mut gate: Vec<StepId>, place: &Place<'_>, end: Vec<StepId>, draft: &Draft) -> Vec<StepId> {
    let service = super::want::service(place.role());
    let step = |verb: &str| StepId::new(place.name(), format!("{verb} {service}"));
    if draft.has(&step("start")) || draft.has(&step("restart")) {
        return end;
    }
    gate.extend(end);
    gate
}

/// How a server that is in the cluster says so. What stands there is kept: a difference alone is never a change.
fn member_form(evidence: &Evidence<'_>, place: &Place<'_>) -> Form {
    if *evidence.datastore() != Datastore::Etcd {
        return Form::Alone;
    }
    let votes = place.node.is_some_and(|node| node.voter == Some(true));
    let own = place.site.address.as_ref().map(|address| Form::Join(config::url(address.ip)));
    match place.form_now() {
        Some(Form::Join(url)) if place.site.stable().k3s.data.etcd => Form::Join(url),
        Some(Form::Found) if !votes => Form::Found,
        _ if !place.site.stable().k3s.data.etcd => Form::Found,
        _ => own.unwrap_or(Form::Found),
    }
}
