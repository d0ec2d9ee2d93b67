//! The validated cluster: what the rest of coracle plans from.
//!
//! Owns: the shape of a cluster after every check has passed. Values here are complete (defaults filled in) and
//! consistent. Must not: carry spans or text of the file (see `raw`).

mod kubernetes;
mod network;
mod node;
mod os;
mod secret;
mod version;

use serde::{Deserialize, Serialize};

pub use kubernetes::{Component, ConfigValue, Datastore, Kubernetes};
pub use network::{Cni, FlannelBackend, Network, NodeNetwork};
pub use node::{Effect, HostKey, Node, Role, SshTarget, Taint};
pub use os::{Body, Match, Module, Os, OsFile, OsPackage, OsService, RootLogin, Sshd, Sysctl};
pub use secret::SecretRef;
pub use version::Version;

use crate::name::{ClusterName, DnsName, NodeName};

/// One cluster, as one `kind: Cluster` document describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// `metadata.name`; also the name of context, cluster and user in kubeconfigs.
    pub name: ClusterName,
    /// The DNS domain that later sections build names under.
    pub domain: Option<DnsName>,
    /// What Kubernetes to run and how.
    pub kubernetes: Kubernetes,
    /// Address ranges, CNI, and the network between nodes.
    pub network: Network,
    /// At least one, of which at least one is a server; names and addresses are unique. In file order.
    pub nodes: Vec<Node>,
    /// The operating-system baseline and the user's own additions.
    pub os: Os,
    /// Where hosts get binaries from.
    pub artifacts: ArtifactSource,
}

impl Cluster {
    /// The nodes that run the control plane, in file order.
    pub fn servers(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.role == Role::Server)
    }

    /// The entry of the node with this name.
    pub fn node(&self, name: &NodeName) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == *name)
    }
}

/// Where hosts get binaries from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ArtifactSource {
    /// The project's own release page.
    Release,
    /// The same files below another base URL (`http://` or `https://`, no trailing slash).
    Mirror(String),
    /// The operator's machine fetches and sends them; hosts need no way out.
    Upload,
}
