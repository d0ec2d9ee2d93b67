//! Where k3s keeps its files, and what it writes into them.
//!
//! Paths are k3s's own (its documentation, "Files and directories"); contents are stand-ins that say what they stand
//! for.

use model::digest::Sha256;

use super::Cluster;
use crate::host::{
    Machine,
    disk::{Blob, Disk, Entry, root},
};

pub(crate) const BINARY: &str = "/usr/local/bin/k3s";
pub(crate) const CONFIG: &str = "/etc/rancher/k3s/config.yaml";
pub(crate) const CONFIG_DIR: &str = "/etc/rancher/k3s/config.yaml.d";
pub(crate) const KUBECONFIG: &str = "/etc/rancher/k3s/k3s.yaml";
pub(crate) const NODE_PASSWORD: &str = "/etc/rancher/node/password";
pub(crate) const TOKEN: &str = "/var/lib/rancher/k3s/server/token";
pub(crate) const NODE_TOKEN: &str = "/var/lib/rancher/k3s/server/node-token";
pub(crate) const AGENT_TOKEN: &str = "/var/lib/rancher/k3s/server/agent-token";
pub(crate) const SERVER_CA: &str = "/var/lib/rancher/k3s/server/tls/server-ca.crt";
pub(crate) const AGENT_CA: &str = "/var/lib/rancher/k3s/agent/server-ca.crt";
pub(crate) const SQLITE: &str = "/var/lib/rancher/k3s/server/db/state.db";
pub(crate) const ETCD_MEMBER: &str = "/var/lib/rancher/k3s/server/db/etcd/member";
/// Stands for the containers that k3s started, and that outlive its service.
pub(crate) const CONTAINERS: &str = "/run/k3s/containerd/io.containerd.runtime.v2.task";
const WAL: &str = "/var/lib/rancher/k3s/server/db/etcd/member/wal/0000000000000000-0000000000000000.wal";
pub(crate) const ETCD: &str = "/var/lib/rancher/k3s/server/db/etcd";
/// Left by a member that found itself removed.
pub(crate) const TOMBSTONE: &str = "/var/lib/rancher/k3s/server/db/etcd/tombstone";
const ETCD_NAME: &str = "/var/lib/rancher/k3s/server/db/etcd/name";
/// The servers that an agent has heard of, besides the one it was told.
const BALANCER: &str = "/var/lib/rancher/k3s/agent/etc/k3s-agent-load-balancer.json";

/// What an etcd data directory says: which member of which cluster it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    pub cluster: u32,
    pub name: String,
}

pub(crate) fn write_member(disk: &mut Disk, member: &Member) {
    disk.write(WAL, 0o600, format!("cluster {} member {}\n", member.cluster, member.name));
    disk.write(ETCD_NAME, 0o600, member.name.clone());
}

pub(crate) fn read_member(disk: &Disk) -> Option<Member> {
    let text = disk.text(WAL)?;
    let (cluster, name) = text.trim().strip_prefix("cluster ")?.split_once(" member ")?;
    Some(Member { cluster: cluster.parse().ok()?, name: name.to_owned() })
}

pub(crate) fn write_sqlite(disk: &mut Disk, cluster: u32) {
    disk.write(SQLITE, 0o644, format!("cluster {cluster}\n"));
}

pub(crate) fn read_sqlite(disk: &Disk) -> Option<u32> {
    disk.text(SQLITE)?.trim().strip_prefix("cluster ")?.parse().ok()
}

pub(crate) fn write_balancer(disk: &mut Disk, servers: &[String]) {
    let text = serde_json::json!({ "ServerAddresses": servers }).to_string();
    disk.write(BALANCER, 0o644, text);
}

pub(crate) fn read_balancer(disk: &Disk) -> Vec<String> {
    let read = || -> Option<Vec<String>> {
        let value: serde_json::Value = serde_json::from_str(&disk.text(BALANCER)?).ok()?;
        serde_json::from_value(value.get("ServerAddresses")?.clone()).ok()
    };
    read().unwrap_or_default()
}

/// Writes what every server of a cluster writes once it belongs to it.
pub(crate) fn write_server(machine: &mut Machine, cluster: &Cluster, kubeconfig_mode: u32) {
    let ca = cluster.ca_hash();
    let disk = &mut machine.disk;
    write_ca(disk, SERVER_CA, cluster);
    let server = cluster.server_password.as_deref().unwrap_or("unknown");
    keep_or_write(disk, TOKEN, &format!("K10{ca}::server:{server}\n"));
    disk.link(NODE_TOKEN, TOKEN);
    match &cluster.agent_password {
        Some(agent) => keep_or_write(disk, AGENT_TOKEN, &format!("K10{ca}::node:{agent}\n")),
        None => disk.link(AGENT_TOKEN, TOKEN),
    }
    keep_or_write(disk, "/var/lib/rancher/k3s/server/cred/passwd", "stand-in\n");
    let mode = if disk.has(KUBECONFIG) { None } else { Some(kubeconfig_mode) };
    if let Some(mode) = mode {
        disk.write(KUBECONFIG, mode, kubeconfig(&ca, &machine.name));
    }
}

/// Writes what every node of a cluster writes once it belongs to it.
pub(crate) fn write_node(machine: &mut Machine, cluster: &Cluster) {
    write_ca(&mut machine.disk, AGENT_CA, cluster);
    machine.disk.write(&format!("{CONTAINERS}/pause"), 0o600, "");
    machine.disk.write("/var/lib/kubelet/config", 0o644, "");
}

pub(super) fn write_ca(disk: &mut Disk, path: &str, cluster: &Cluster) {
    let hash = cluster.ca_hash();
    if disk.file(path).and_then(Blob::digest).as_ref() == Some(&hash) {
        return;
    }
    let blob = match &cluster.told_ca {
        Some(told) => Blob::standing_for(cluster.ca.clone(), told.clone()),
        None => Blob::new(cluster.ca.clone()),
    };
    let entry = Entry::File { meta: root(0o644), blob };
    disk.put(path, entry).expect("the world writes below directories");
}

/// Leaves a file alone whose content is not known, because facts told it.
fn keep_or_write(disk: &mut Disk, path: &str, text: &str) {
    let told = disk.file(path).is_some_and(Blob::is_told);
    if !told {
        disk.write(path, 0o600, text);
    }
}

pub(super) fn kubeconfig(ca: &Sha256, host: &model::NodeName) -> String {
    let key = Sha256::of(format!("admin key of {host} in {ca}").as_bytes());
    format!(
        "apiVersion: v1\n\
         clusters:\n\
         - cluster:\n    certificate-authority-data: {ca}\n    server: https://127.0.0.1:6443\n  name: default\n\
         contexts:\n\
         - context:\n    cluster: default\n    user: default\n  name: default\n\
         current-context: default\n\
         kind: Config\n\
         users:\n\
         - name: default\n  user:\n    client-certificate-data: {ca}\n    client-key-data: {key}\n"
    )
}
