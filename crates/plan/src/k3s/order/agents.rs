//! Agents: after the servers they need, one after the other, and never newer than an API server they may meet.
//!
//! Owns: who is held back, and saying so. Must not: touch the servers' gate (`order`).

use std::collections::BTreeSet;

use model::report::Weight;
use spec::cluster::{Role, Version};

use super::{Queue, behind};
use crate::{
    draft::Draft,
    finding,
    k3s::{
        CONTROL_PLANE,
        config::Form,
        evidence::{Life, Place},
        node::{self, Bring, Tokens},
        want,
    },
};

impl Queue<'_, '_> {
    /// Agents that are in the cluster, one after the other; then those that are new.
    pub(super) fn agents(&mut self, draft: &mut Draft) {
        let mut gate = self.open.clone();
        for place in self.usable(Role::Agent, Life::Member) {
            if self.would_lead(&place) {
                continue;
            }
            let form = place.form_now().unwrap_or_else(|| Form::Join(self.source_url()));
            let tokens = if place.has_file(want::JOIN_TOKEN) {
                Tokens::Have
            } else {
                Tokens::Put { join: self.read_agent_token(draft), agents: None }
            };
            let bring = Bring { form, gate: &gate, tokens, ghost: Vec::new() };
            let end = node::bring(self.wish, self.evidence, &place, bring, draft);
            gate = behind(gate, &place, end, draft);
        }
        self.join_agents(draft);
    }

    pub(super) fn join_agents(&mut self, draft: &mut Draft) {
        for place in self.usable(Role::Agent, Life::Fresh) {
            if self.would_lead(&place) {
                continue;
            }
            let Some(ghost) = self.lay_ghost(&place, draft) else { continue };
            let form = Form::Join(self.source_url());
            let tokens = Tokens::Put { join: self.read_agent_token(draft), agents: None };
            let gate = self.open.clone();
            let bring = Bring { form, gate: &gate, tokens, ghost };
            node::bring(self.wish, self.evidence, &place, bring, draft);
        }
        self.tell_held_back(draft);
    }

    /// Whether an agent would get a version that a server does not have, and does not get in this plan either.
    fn would_lead(&self, agent: &Place<'_>) -> bool {
        self.differs(agent) && !self.behind().is_empty()
    }

    /// Whether an agent does not run what is wanted. Its binary tells nothing: it may lie there and wait for its turn.
    fn differs(&self, place: &Place<'_>) -> bool {
        let runs = place.node.and_then(|node| node.version.as_ref()).filter(|_| place.life == Life::Member);
        runs != Some(&self.wish.cluster.kubernetes.version)
    }

    /// Servers whose API is older than the kubelets that are wanted, and stays so in this plan: they do not answer, are
    /// refused, may not restart, or no entry of the file explains them.
    fn behind(&self) -> Vec<&str> {
        let nodes = self.evidence.facts.kube.nodes.iter();
        let labelled = nodes.filter(|(_, node)| node.labels.contains_key(CONTROL_PLANE));
        let named = self.wish.cluster.servers().map(|node| node.name.as_str());
        let servers: BTreeSet<_> = labelled.map(|(name, _)| name.as_str()).chain(named).collect();
        servers.into_iter().filter(|server| !self.brings(server) && self.may_be_older(server)).collect()
    }

    /// Whether this plan brings a server to what is wanted.
    fn brings(&self, server: &str) -> bool {
        self.place(server).is_some_and(|place| {
            !self.barred.contains(place.name())
                && !self.held.contains(place.name())
                && place.role() == Role::Server
        })
    }

    fn place(&self, name: &str) -> Option<&Place<'_>> {
        self.evidence.places.values().find(|place| place.name().as_str() == name)
    }

    /// Whether a server may serve an older API. One that neither answers nor is registered may have joined all the same;
    /// that only matters while the version changes.
    fn may_be_older(&self, server: &str) -> bool {
        let node = self.evidence.facts.kube.nodes.get(server).and_then(|node| node.version.as_ref());
        match (node, self.place(server)) {
            (Some(version), _) => self.is_older(version),
            (None, Some(place)) => {
                place.life == Life::Member
                    && place.site.stable().k3s.version.as_ref().is_some_and(|now| self.is_older(now))
            }
            (None, None) => self.is_changing(),
        }
    }

    fn is_changing(&self) -> bool {
        let nodes = self.evidence.facts.kube.nodes.values().filter_map(|node| node.version.as_ref());
        let hosts = self.evidence.places.values().filter(|place| place.life == Life::Member);
        let hosts = hosts.filter_map(|place| place.site.stable().k3s.version.as_ref());
        nodes.chain(hosts).any(|version| self.is_older(version))
    }

    fn is_older(&self, version: &Version) -> bool {
        version.minor < self.wish.cluster.kubernetes.version.minor
    }

    /// Says who waits for which server.
    fn tell_held_back(&self, draft: &mut Draft) {
        let behind = self.behind();
        let all = [Life::Member, Life::Fresh].into_iter().flat_map(|life| self.usable(Role::Agent, life));
        let waiting: Vec<_> =
            all.filter(|place| self.differs(place)).map(|place| place.name().to_string()).collect();
        if behind.is_empty() || waiting.is_empty() {
            return;
        }
        let unnamed =
            |server: &&str| !self.wish.cluster.nodes.iter().any(|node| node.name.as_str() == *server);
        let cure = match behind.iter().copied().find(unnamed) {
            Some(server) => format!(
                "the file does not name {server}: `coracle destroy {server}` takes it out of the cluster; or write its entry back"
            ),
            None => "mend what is said of it above, then run again; or take it out of the cluster and the file when it is gone for good".to_owned(),
        };
        draft.find(finding::cluster(
            "server-behind",
            Weight::Waits,
            format!(
                "{} may be older than {}, also after this run; no kubelet may be newer than an API server, so these wait: {}",
                behind.join(", "),
                self.wish.cluster.kubernetes.version,
                waiting.join(", ")
            ),
            cure,
        ));
    }
}
