//! Plans: every decision, made before anything is done.

use std::{collections::BTreeMap, fmt, time::Duration};

use serde::{Deserialize, Serialize};
use spec::name::{ClusterName, NodeName};

pub use crate::step::StepId;
use crate::{
    condition::Condition,
    digest::Sha256,
    facts::{Api, KubeFacts},
    op::{HostOp, KubeOp},
};

/// The ordered graph of everything that will be done. Immutable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this form; 1 today.
    pub version: u32,
    /// The cluster it is for.
    pub cluster: ClusterName,
    /// Digest of the stable facts of each host it was made from.
    pub fingerprint: BTreeMap<NodeName, Sha256>,
    /// The servers whose API endpoint may be asked, in the order to try.
    pub servers: Vec<NodeName>,
    /// The steps; every step stands behind all it needs.
    pub steps: Vec<Step>,
}

impl Plan {
    /// The version of this form.
    pub const VERSION: u32 = 1;

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The hosts that have steps, in name order.
    pub fn hosts(&self) -> Vec<&NodeName> {
        let mut hosts: Vec<_> = self.steps.iter().map(|step| &step.host).collect();
        hosts.sort();
        hosts.dedup();
        hosts
    }

    /// The step of this name.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }
}

/// One operation at its place in the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its name.
    pub id: StepId,
    /// The host it works on or is about.
    pub host: NodeName,
    /// What is done.
    pub act: Act,
    /// What must hold before, unless its end is already reached.
    pub was: Condition,
    /// Whether what it places is owned from then on.
    pub own: bool,
    /// Steps that must have succeeded before.
    pub needs: Vec<StepId>,
    /// What it changes, for people.
    pub change: Change,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Act {
    /// An operation on the host.
    Host(HostOp),
    /// An operation on the Kubernetes API.
    Kube(KubeOp),
    /// Waits until something is so.
    Wait {
        /// What.
        until: Await,
        /// How long at most.
        limit: Duration,
    },
    /// Logs in afresh, past any open connection, to prove that the operator can.
    Prove,
}

/// Something that is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Await {
    /// The server's API endpoint says that it is ready.
    ApiReady(NodeName),
    /// The Node exists, whether ready or not.
    Registered(NodeName),
    /// The Node is Ready, at this version when one is given.
    NodeReady(NodeName, Option<spec::cluster::Version>),
    /// The Node's etcd member votes.
    Voter(NodeName),
    /// No revert is armed on the host.
    NoGuard(NodeName),
}

impl Await {
    /// Whether it is so; otherwise what is seen instead, for people. [`Await::NoGuard`] is never a matter of the API.
    pub fn judge(&self, facts: &KubeFacts) -> Result<(), String> {
        match self {
            Self::ApiReady(server) => match facts.apis.get(server) {
                Some(Api::Ready) => Ok(()),
                Some(Api::Down(why)) => Err(format!("API of {server} is not ready: {why}")),
                None => Err(format!("API of {server} was not asked")),
            },
            Self::Registered(node) => node_fact(facts, node).map(|_| ()),
            Self::NodeReady(node, version) => {
                let fact = node_fact(facts, node)?;
                if !fact.ready {
                    return Err(format!("node {node} is not Ready: {}", fact.reason));
                }
                match version {
                    Some(wanted) if fact.version.as_ref() != Some(wanted) => {
                        Err(format!("node {node} does not report {wanted} yet"))
                    }
                    _ => Ok(()),
                }
            }
            Self::Voter(node) => match node_fact(facts, node)?.voter {
                Some(true) => Ok(()),
                Some(false) => Err(format!("etcd member of {node} does not vote yet")),
                None => Err(format!("node {node} reports no etcd member yet")),
            },
            Self::NoGuard(host) => Err(format!("a revert is armed on {host}")),
        }
    }
}

fn node_fact<'a>(facts: &'a KubeFacts, node: &NodeName) -> Result<&'a crate::facts::NodeFact, String> {
    if !facts.answers() {
        return Err("no API answers".to_owned());
    }
    facts.nodes.get(node.as_str()).ok_or_else(|| format!("node {node} is not registered yet"))
}

impl fmt::Display for Await {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ApiReady(server) => write!(out, "API of {server} ready"),
            Self::Registered(node) => write!(out, "node {node} registered"),
            Self::NodeReady(node, None) => write!(out, "node {node} Ready"),
            Self::NodeReady(node, Some(version)) => write!(out, "node {node} Ready at {version}"),
            Self::Voter(node) => write!(out, "etcd member of {node} votes"),
            Self::NoGuard(host) => write!(out, "no revert armed on {host}"),
        }
    }
}

/// What a step changes, for people: one value that `plan` shows and that tests read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What happens to the thing.
    pub kind: ChangeKind,
    /// One line that names the thing and the change.
    pub title: String,
    /// Old and new text where there is one to compare; secrets stand as `‹…›`.
    pub text: Option<TextChange>,
}

/// What happens to a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It appears.
    Add,
    /// It becomes another.
    Modify,
    /// It goes.
    Remove,
    /// Nothing of its own: it carries another change (restart, wait, proof, lock).
    Run,
}

/// Old and new text of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextChange {
    /// What is there now; `None` when that is not known or not shown.
    pub old: Option<String>,
    /// What will be there.
    pub new: String,
}

impl Change {
    /// A change without text.
    pub fn new(kind: ChangeKind, title: impl Into<String>) -> Self {
        Self { kind, title: title.into(), text: None }
    }
}
