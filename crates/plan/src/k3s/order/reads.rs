//! Where those who join get their tokens from: one server, each token read once, when the first node needs it.

use model::{
    op::HostOp,
    plan::{Change, ChangeKind, StepId},
};

use super::{Queue, config, want};
use crate::{
    draft::{Draft, Work},
    k3s::{evidence::Place, node::Tokens},
};

/// Steps that read tokens.
#[derive(Default)]
pub(super) struct Reads {
    server: Option<StepId>,
    agent: Option<StepId>,
    password: Option<StepId>,
}

impl<'w> Queue<'_, 'w> {
    /// A member whose token file is gone gets it back: k3s does not start without.
    pub(super) fn member_tokens(&mut self, place: &Place<'_>, draft: &mut Draft) -> Tokens {
        if place.has_file(want::JOIN_TOKEN) && place.has_file(want::AGENT_TOKEN) {
            return Tokens::Have;
        }
        Tokens::Put { join: self.read_server_token(draft), agents: Some(self.read_password(draft)) }
    }

    /// The server that tokens are read from and that others join through.
    pub(super) fn source(&self) -> &Place<'w> {
        let name = self.source.as_ref().expect("every course that joins names its source");
        &self.evidence.places[name]
    }

    /// Its address, as those who join write it.
    pub(super) fn source_url(&self) -> String {
        let address = self
            .source()
            .site
            .address
            .as_ref()
            .expect("a source has passed the refusals, one of which is about its address");
        config::url(address.ip)
    }

    fn read(&self, what: &str, path: &str, draft: &mut Draft) -> StepId {
        let op = HostOp::ReadSecret { path: path.to_owned() };
        let change = Change::new(ChangeKind::Run, format!("read the {what} (kept in memory only)"));
        draft.add(&self.source().site, &format!("read {what}"), Work::host(op, change), &self.open)
    }

    pub(super) fn read_server_token(&mut self, draft: &mut Draft) -> StepId {
        if self.reads.server.is_none() {
            self.reads.server = Some(self.read("server token", want::SERVER_TOKEN_MADE, draft));
        }
        self.reads.server.clone().expect("just made")
    }

    pub(super) fn read_agent_token(&mut self, draft: &mut Draft) -> StepId {
        if self.reads.agent.is_none() {
            self.reads.agent = Some(self.read("agent token", want::AGENT_TOKEN_MADE, draft));
        }
        self.reads.agent.clone().expect("just made")
    }

    pub(super) fn read_password(&mut self, draft: &mut Draft) -> StepId {
        if self.reads.password.is_none() {
            self.reads.password = Some(self.read("agent password", want::AGENT_TOKEN, draft));
        }
        self.reads.password.clone().expect("just made")
    }
}
