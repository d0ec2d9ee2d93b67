//! Ports on which a k3s node listens.

use super::On;

/// A port that something of k3s listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Port number.
    pub port: u16,
    /// Whether it is TCP; else UDP.
    pub tcp: bool,
    /// Which nodes have it.
    pub on: On,
    /// Whether other nodes reach it; else it is bound to the loopback address.
    pub remote: bool,
    /// Who listens.
    pub what: &'static str,
}

const fn local(port: u16, on: On, what: &'static str) -> Listener {
    Listener { port, tcp: true, on, remote: false, what }
}

const fn remote(port: u16, on: On, what: &'static str) -> Listener {
    Listener { port, tcp: true, on, remote: true, what }
}

/// Listeners with embedded etcd.
pub const ETCD: [Listener; 4] = [
    remote(2379, On::Server, "etcd's clients"),
    remote(2380, On::Server, "etcd's peers"),
    local(2381, On::Server, "etcd's metrics"),
    local(2382, On::Server, "etcd's HTTP interface"),
];

/// Listeners of every cluster whose ports no k3s key moves.
pub const ALWAYS: [Listener; 6] = [
    local(10010, On::Both, "containerd's streaming"),
    local(10248, On::Both, "the kubelet's health"),
    remote(10250, On::Both, "the kubelet"),
    local(10257, On::Server, "the controller-manager"),
    local(10258, On::Server, "the cloud-controller-manager"),
    local(10259, On::Server, "the scheduler"),
];

/// Listeners with kube-proxy.
pub const KUBE_PROXY: [Listener; 2] =
    [local(10249, On::Both, "kube-proxy's metrics"), local(10256, On::Both, "kube-proxy's health")];

/// Listeners with traefik behind servicelb.
pub const INGRESS: [Listener; 2] = [remote(80, On::Both, "traefik"), remote(443, On::Both, "traefik")];

/// Listener with the embedded registry.
pub const REGISTRY: Listener = remote(5001, On::Both, "the embedded registry");

/// Listener with flannel's vxlan backend.
pub const VXLAN: Listener = Listener { tcp: false, ..remote(8472, On::Both, "flannel's vxlan") };

/// Listeners with flannel's wireguard-native backend, for IPv4 and IPv6.
pub const WIREGUARD: [Listener; 2] = [
    Listener { tcp: false, ..remote(51820, On::Both, "flannel's WireGuard") },
    Listener { tcp: false, ..remote(51821, On::Both, "flannel's WireGuard over IPv6") },
];

/// k3s's default for `https-listen-port`.
pub const API: u16 = 6443;

/// k3s's default for `lb-server-port`.
pub const LOAD_BALANCER: u16 = 6444;

/// k3s's default for `service-node-port-range`.
pub const NODE_PORTS: (u16, u16) = (30000, 32767);
