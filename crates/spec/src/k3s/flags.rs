//! The configuration keys of k3s.
//!
//! Owns: for each key its type, the nodes that know it, what changing it takes, and who writes it. The facts are
//! k3s's own (its flag definitions, its reference of `server` and `agent`, its release notes); a long table, because
//! the list is long. Must not: hold values.

use Kind::{Bool, Duration, Int, List, OneOf, Text};

use crate::cluster::Version;

/// One configuration key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The long flag without dashes.
    pub key: &'static str,
    /// The one-letter flag.
    pub short: Option<char>,
    /// Which nodes know it.
    pub on: On,
    /// Type of its value.
    pub kind: Kind,
    /// What changing it on a running cluster takes.
    pub class: Class,
    /// Whether its value is a credential.
    pub secret: bool,
    /// Who writes it.
    pub used: Use,
    /// The first release of each minor that has it; empty when all known minors do.
    pub since: Since,
}

/// The first releases with a flag, newest minor first, as minor, patch and k3s's number.
///
/// Minors newer than the first have it, minors older than the last do not.
pub type Since = &'static [(u16, u16, u16)];

/// Which nodes know a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Servers only.
    Server,
    /// Agents only.
    Agent,
    /// All.
    Both,
}

/// Type of a key's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// Text.
    Text,
    /// Time in Go's notation, such as `5m` or `1h30m`.
    Duration,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Text that may be given several times.
    List,
}

/// What changing a key on a running cluster takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Restarting one node after the other.
    Rolling,
    /// All servers at once: k3s refuses servers that differ.
    Together,
    /// A new cluster.
    Fixed,
}

/// Who writes a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// The user, freely.
    Free,
    /// Both: the user's list is added to coracle's.
    Merged,
    /// coracle alone; with what the user should do instead.
    Owned(&'static str),
    /// Nobody in this version of coracle.
    Later,
    /// Nobody: it is the old name of this key.
    Renamed(&'static str),
}

impl Flag {
    /// Whether the release has the flag.
    pub fn in_release(&self, version: &Version) -> bool {
        since(self.since, version)
    }

    /// Whether nodes with this role know the key.
    pub fn on_role(&self, role: crate::cluster::Role) -> bool {
        use crate::cluster::Role;
        matches!((self.on, role), (On::Both, _) | (On::Server, Role::Server) | (On::Agent, Role::Agent))
    }

    const fn new(key: &'static str, on: On, kind: Kind) -> Self {
        let (class, used) = (Class::Rolling, Use::Free);
        Self { key, short: None, on, kind, class, secret: false, used, since: &[] }
    }
    const fn short(self, letter: char) -> Self {
        Self { short: Some(letter), ..self }
    }
    const fn together(self) -> Self {
        Self { class: Class::Together, ..self }
    }
    const fn fixed(self) -> Self {
        Self { class: Class::Fixed, ..self }
    }
    const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }
    const fn since(self, since: Since) -> Self {
        Self { since, ..self }
    }
    const fn owned(self, instead: &'static str) -> Self {
        Self { used: Use::Owned(instead), ..self }
    }
    const fn renamed(self, to: &'static str) -> Self {
        Self { used: Use::Renamed(to), ..self }
    }
    const fn later(self) -> Self {
        Self { used: Use::Later, ..self }
    }
    const fn merged(self) -> Self {
        Self { used: Use::Merged, ..self }
    }
}

/// Whether the release is one of these first ones or later.
pub(crate) fn since(since: Since, version: &Version) -> bool {
    let Some(newest) = since.first() else { return true };
    match since.iter().find(|first| first.0 == version.minor) {
        Some((_, patch, k3s)) => (version.patch, version.k3s) >= (*patch, *k3s),
        None => version.minor > newest.0,
    }
}

const fn both(key: &'static str, kind: Kind) -> Flag {
    Flag::new(key, On::Both, kind)
}
const fn server(key: &'static str, kind: Kind) -> Flag {
    Flag::new(key, On::Server, kind)
}
const fn agent(key: &'static str, kind: Kind) -> Flag {
    Flag::new(key, On::Agent, kind)
}

/// k3s's release notes of July 2026.
const HELM_CONTROLLER_ARG: Since = &[(36, 3, 1), (35, 7, 1), (34, 10, 1)];
/// Wildcards in `tls-san`: k3s's release notes of July 2026.
pub(crate) const WILDCARD_SAN: Since = HELM_CONTROLLER_ARG;
/// k3s's pull request 14440.
const WRITE_KUBECONFIG_NAME: Since = &[(37, 0, 1)];

/// What to write instead of a key that k3s once had.
pub fn removed(key: &str) -> Option<&'static str> {
    match key {
        "no-deploy" => Some("write `disable` in spec.kubernetes"),
        "no-flannel" => Some("write `cni: none` in spec.network"),
        "cluster-secret" => Some("coracle makes and keeps the tokens; remove it"),
        "disable-selinux" => Some("leave out `selinux`, which is off by default"),
        _ => None,
    }
}

/// Every key of `k3s server` and `k3s agent`.
#[rustfmt::skip]
pub const FLAGS: &[Flag] = &[
    both("config", Text).short('c').owned("coracle writes its own drop-in beside /etc/rancher/k3s/config.yaml; remove it"),
    both("debug", Bool),
    both("v", Int).short('v'),
    both("vmodule", Text),
    both("log", Text).short('l'),
    both("alsologtostderr", Bool),
    both("bind-address", Text).owned("coracle reaches every API server at its loopback address; remove it"),
    server("https-listen-port", Int),
    server("supervisor-port", Int).later(),
    server("apiserver-port", Int).later(),
    server("apiserver-bind-address", Text).later(),
    server("advertise-address", Text).owned("it follows from the address of the node; write `address` in its entry"),
    server("advertise-port", Int),
    server("tls-san", List).merged(),
    server("tls-san-security", Bool),
    both("data-dir", Text).short('d').fixed().owned("coracle keeps k3s in /var/lib/rancher/k3s; remove it"),
    server("cluster-cidr", List).fixed().owned("write `podCidr` in spec.network"),
    server("service-cidr", List).fixed().owned("write `serviceCidr` in spec.network"),
    server("service-node-port-range", Text),
    server("cluster-dns", List).together(),
    server("cluster-domain", Text).fixed(),
    server("flannel-backend", Text).together().owned("write `flannelBackend` or `cni` in spec.network"),
    server("flannel-ipv6-masq", Bool).together(),
    server("flannel-external-ip", Bool).together(),
    server("egress-selector-mode", OneOf(&["agent", "cluster", "pod", "disabled"])).together(),
    server("servicelb-namespace", Text),
    server("write-kubeconfig", Text).short('o').owned("`coracle kubeconfig` writes kubeconfigs; remove it"),
    server("write-kubeconfig-mode", Text).owned("`coracle kubeconfig` writes kubeconfigs; remove it"),
    server("write-kubeconfig-group", Text).owned("`coracle kubeconfig` writes kubeconfigs; remove it"),
    server("write-kubeconfig-name", Text).since(WRITE_KUBECONFIG_NAME).owned("`coracle kubeconfig` writes kubeconfigs; remove it"),
    server("helm-job-image", Text),
    server("helm-controller-arg", List).since(HELM_CONTROLLER_ARG),
    both("token", Text).short('t').together().secret().owned("coracle makes and keeps the tokens; remove it"),
    both("token-file", Text).together().owned("coracle makes and keeps the tokens; remove it"),
    server("agent-token", Text).together().secret().owned("coracle makes and keeps the tokens; remove it"),
    server("agent-token-file", Text).together().owned("coracle makes and keeps the tokens; remove it"),
    both("server", Text).short('s').owned("coracle chooses the server to join from those that are healthy; remove it"),
    server("cluster-init", Bool).owned("coracle decides from the machines whether to found or to join; write `datastore: etcd` in spec.kubernetes"),
    server("cluster-reset", Bool).owned("it is a command, not a setting; remove it"),
    server("cluster-reset-restore-path", Text).owned("it is a command, not a setting; remove it"),
    server("kube-apiserver-arg", List),
    server("etcd-arg", List),
    server("kube-controller-manager-arg", List),
    server("kube-scheduler-arg", List),
    server("kube-cloud-controller-manager-arg", List),
    server("kube-controller-arg", List).renamed("kube-controller-manager-arg"),
    server("kube-cloud-controller-arg", List).renamed("kube-cloud-controller-manager-arg"),
    server("kine-tls", Bool),
    server("datastore-endpoint", Text).fixed().secret().owned("write `datastore: {external: {endpoint: {env: NAME}}}` in spec.kubernetes"),
    server("datastore-cafile", Text),
    server("datastore-certfile", Text),
    server("datastore-keyfile", Text),
    server("etcd-expose-metrics", Bool),
    server("etcd-disable-snapshots", Bool),
    server("etcd-snapshot-name", Text),
    server("etcd-snapshot-schedule-cron", Text),
    server("etcd-snapshot-reconcile-interval", Duration),
    server("etcd-snapshot-retention", Int),
    server("etcd-snapshot-dir", Text),
    server("etcd-snapshot-compress", Bool),
    server("etcd-s3", Bool),
    server("etcd-s3-endpoint", Text),
    server("etcd-s3-endpoint-ca", Text),
    server("etcd-s3-skip-ssl-verify", Bool),
    server("etcd-s3-access-key", Text).secret(),
    server("etcd-s3-secret-key", Text).secret(),
    server("etcd-s3-session-token", Text).secret(),
    server("etcd-s3-bucket", Text),
    server("etcd-s3-bucket-lookup-type", OneOf(&["auto", "dns", "path"])),
    server("etcd-s3-region", Text),
    server("etcd-s3-folder", Text),
    server("etcd-s3-retention", Int),
    server("etcd-s3-proxy", Text),
    server("etcd-s3-config-secret", Text),
    server("etcd-s3-insecure", Bool),
    server("etcd-s3-timeout", Duration),
    server("default-local-storage-path", Text),
    server("disable", List).owned("write `disable` in spec.kubernetes"),
    server("disable-scheduler", Bool).later(),
    server("disable-cloud-controller", Bool).together(),
    server("disable-kube-proxy", Bool).owned("write `kubeProxy: false` in spec.network"),
    server("disable-network-policy", Bool).together().owned("write `networkPolicy: false` in spec.network"),
    server("disable-helm-controller", Bool).together(),
    server("disable-apiserver", Bool).later(),
    server("disable-controller-manager", Bool).later(),
    server("disable-etcd", Bool).later(),
    server("embedded-registry", Bool).together(),
    server("supervisor-metrics", Bool).together(),
    server("disable-agent", Bool).later(),
    both("node-name", Text).owned("write `name` in the entry of the node"),
    both("with-node-id", Bool).owned("a node keeps the name that its entry gives; remove it"),
    both("node-label", List).owned("write `labels` in the entry of the node"),
    both("node-taint", List).owned("write `taints` in the entry of the node"),
    both("image-credential-provider-bin-dir", Text),
    both("image-credential-provider-config", Text),
    both("selinux", Bool),
    both("lb-server-port", Int),
    both("protect-kernel-defaults", Bool),
    both("docker", Bool),
    both("container-runtime-endpoint", Text),
    both("default-runtime", Text),
    both("image-service-endpoint", Text),
    both("disable-default-registry-endpoint", Bool),
    both("nonroot-devices", Bool),
    both("pause-image", Text),
    both("snapshotter", Text),
    both("private-registry", Text),
    server("system-default-registry", Text),
    both("airgap-extra-registry", List),
    both("node-ip", List).short('i').owned("write `address` in the entry of the node"),
    both("node-external-ip", List).owned("write `externalAddress` in the entry of the node"),
    both("node-internal-dns", List),
    both("node-external-dns", List),
    both("resolv-conf", Text),
    both("flannel-iface", Text).owned("it follows from the address of the node; write `address` in its entry"),
    both("flannel-conf", Text),
    both("flannel-cni-conf", Text),
    both("vpn-auth", Text).secret().later(),
    both("vpn-auth-file", Text).later(),
    agent("disable-apiserver-lb", Bool),
    both("kubelet-arg", List),
    both("kube-proxy-arg", List),
    server("secrets-encryption", Bool).together().owned("write `secretsEncryption` in spec.kubernetes"),
    server("secrets-encryption-provider", OneOf(&["aescbc", "secretbox"])).together(),
    both("enable-pprof", Bool),
    both("rootless", Bool).later(),
    both("prefer-bundled-bin", Bool),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn flag(key: &str) -> &'static Flag {
        super::super::flag(key).expect("known")
    }

    #[test]
    fn keys_are_unique_and_agents_know_no_key_of_servers() {
        let mut keys: Vec<_> = FLAGS.iter().map(|flag| flag.key).collect();
        keys.sort_unstable();
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]));
        assert!(!flag("tls-san").on_role(crate::cluster::Role::Agent));
    }

    #[test]
    fn a_flag_exists_from_its_first_release_of_each_minor_on() {
        let has = |key: &str, version: &str| flag(key).in_release(&version.parse().expect("a version"));
        assert!(!has("helm-controller-arg", "v1.36.2+k3s1"));
        assert!(has("helm-controller-arg", "v1.36.3+k3s1"));
        assert!(has("helm-controller-arg", "v1.37.0+k3s1"));
        assert!(!has("helm-controller-arg", "v1.34.9+k3s2"));
        assert!(!has("write-kubeconfig-name", "v1.36.5+k3s1"));
        assert!(has("debug", "v1.34.0+k3s1"));
    }
}
