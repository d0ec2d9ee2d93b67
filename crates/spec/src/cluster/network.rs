//! The `network` section after validation.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Address ranges, CNI, and the network between nodes. No two ranges overlap, and no node address lies in the pod
/// or service range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Range of pod addresses; a second one of the other family makes the cluster dual-stack.
    pub pod_cidr: Vec<IpNet>,
    /// Range of service addresses; as many as `pod_cidr`, in the same order of families.
    pub service_cidr: Vec<IpNet>,
    /// The plug-in that gives pods their network.
    pub cni: Cni,
    /// Whether k3s runs kube-proxy.
    pub kube_proxy: bool,
    /// Whether k3s runs its own network-policy controller.
    pub network_policy: bool,
    /// The network that nodes reach each other on.
    pub node_network: NodeNetwork,
}

/// The plug-in that gives pods their network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cni {
    /// k3s's own, with this backend.
    Flannel(FlannelBackend),
    /// Installed by the user; coracle only makes room for it.
    Calico,
    /// Installed by the user; coracle only makes room for it.
    Cilium,
    /// Whatever the user installs.
    None,
}

/// How flannel carries packets from node to node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlannelBackend {
    /// UDP port 8472.
    #[default]
    Vxlan,
    /// Plain routes; all nodes in one layer-2 network.
    HostGw,
    /// The kernel's `WireGuard`, UDP port 51820 (51821 for IPv6).
    WireguardNative,
}

impl FlannelBackend {
    /// The name as k3s writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vxlan => "vxlan",
            Self::HostGw => "host-gw",
            Self::WireguardNative => "wireguard-native",
        }
    }
}

/// The network that nodes reach each other on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NodeNetwork {
    /// An existing network; with a range, the node's address is the one that lies in it.
    Lan {
        /// The range, when given.
        cidr: Option<IpNet>,
    },
}
