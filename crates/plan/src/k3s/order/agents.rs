//! Agents: after the servers they need, one after the other, and never newer than an API server they may meet.
//!
//! Owns: who is held back, and saying so. Must not: touch the servers' gate (`order`).

use model::report::Weight;
use spec::cluster::Role;

use super::{Queue, behind};
use crate::{
    draft::Draft,
    finding,
    k3s::{
        config::Form,
        evidence::{Life, Place},
        node::{self, Bring, Tokens},
        want,
    },
};

/// On every server's Node.
const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

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

    /// Whether an agent would get a version that a server does not have yet: one that may not restart, or one that the
    /// file does not name.
    fn would_lead(&self, agent: &Place<'_>) -> bool {
        self.differs(agent)
            && (self.unnamed_behind().is_some()
                || self.held && self.evidence.members().any(|place| self.differs(place)))
    }

    fn differs(&self, place: &Place<'_>) -> bool {
        place.site.stable().k3s.version.as_ref() != Some(&self.wish.cluster.kubernetes.version)
    }

    /// A server that no entry of the file explains, whose API is older than the kubelets that are wanted.
    fn unnamed_behind(&self) -> Option<String> {
        let wanted = self.wish.cluster.kubernetes.version.minor;
        let named = |name: &str| self.wish.cluster.nodes.iter().any(|node| node.name.as_str() == name);
        let mut others = self.evidence.facts.kube.nodes.iter().filter(|(name, _)| !named(name));
        let (name, _) = others.find(|(_, node)| {
            node.labels.contains_key(CONTROL_PLANE)
                && node.version.as_ref().is_some_and(|version| version.minor < wanted)
        })?;
        Some(name.clone())
    }

    /// Says who waits for a server that the file does not name.
    fn tell_held_back(&self, draft: &mut Draft) {
        let Some(server) = self.unnamed_behind() else { return };
        let all = [Life::Member, Life::Fresh].into_iter().flat_map(|life| self.usable(Role::Agent, life));
        let waiting: Vec<_> =
            all.filter(|place| self.differs(place)).map(|place| place.name().to_string()).collect();
        if waiting.is_empty() {
            return;
        }
        draft.find(finding::cluster(
            "server-behind",
            Weight::Waits,
            format!(
                "server {server}, which the file does not name, is older than {}, and no kubelet may be newer than an API server; for it wait: {}",
                self.wish.cluster.kubernetes.version,
                waiting.join(", ")
            ),
            format!("`coracle destroy {server}` takes it out of the cluster; or write its entry back"),
        ));
    }
}
