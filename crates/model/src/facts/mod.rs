//! What was observed, where, and how much of it may be built upon.
//!
//! Owns: the shape of observations. Facts are partial (a host may not answer) and dated. Must not: say what they
//! mean for a cluster (`plan`).

mod host;
mod k3s;
mod kube;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use host::{
    Address, Arch, Before, Content, Fetcher, FileFact, FileMeta, Firewall, GuardFact, HostFacts, Init,
    IntegrityFact, Owned, Ownership, PackageTool, ServiceFact, Stable, System, Volatile,
};
pub use k3s::{ConfigFact, ConfigSource, Datadir, K3sFacts, ServiceInfo};
pub use kube::{Api, KubeFacts, NodeFact};

use crate::{digest::Sha256, fault::HostFault};
use spec::name::NodeName;

/// One look at the whole world.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Seconds since 1970 by the operator's clock when the look began.
    pub taken: u64,
    /// Every host of the cluster file.
    pub hosts: BTreeMap<NodeName, Seen>,
    /// What the Kubernetes API said.
    pub kube: KubeFacts,
}

/// What looking at one host gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::large_enum_variant, reason = "nearly every value is the large one")]
pub enum Seen {
    /// It answered.
    Known(HostFacts),
    /// It did not.
    Dark(HostFault),
}

impl Facts {
    /// The facts of a host that answered.
    pub fn host(&self, name: &NodeName) -> Option<&HostFacts> {
        match self.hosts.get(name)? {
            Seen::Known(facts) => Some(facts),
            Seen::Dark(_) => None,
        }
    }

    /// Digest of the stable facts of each host that answered: what a saved plan is bound to.
    pub fn fingerprint(&self) -> BTreeMap<NodeName, Sha256> {
        self.hosts
            .iter()
            .filter_map(|(name, seen)| match seen {
                Seen::Known(facts) => {
                    let bytes = serde_json::to_vec(&facts.stable).expect("facts always serialise");
                    Some((name.clone(), Sha256::of(&bytes)))
                }
                Seen::Dark(_) => None,
            })
            .collect()
    }
}
