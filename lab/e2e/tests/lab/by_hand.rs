//! k3s as its own installer leaves it, without coracle.

use crate::lab::{Host, until};

/// Founds a cluster on a host, with these further arguments.
pub(crate) fn server(host: &Host, arguments: &str) {
    install(host, "k3s", &format!("server --token by-hand-token-0123456789 {arguments}"));
    until("the cluster made by hand answers", || host.says("k3s kubectl get --raw /readyz"));
}

/// Has a host join it.
pub(crate) fn agent(host: &Host, server: &Host) {
    let url = format!("https://{}:6443", server.address);
    install(
        host,
        "k3s-agent",
        &format!("agent --server {url} --token by-hand-token-0123456789 --node-label zone=home"),
    );
    let ready = format!("k3s kubectl get node {} | grep -qw Ready", host.name);
    until("the agent made by hand is Ready", || server.says(&ready));
}

fn install(host: &Host, service: &str, command: &str) {
    host.sh(&format!(
        "cp /opt/coracle-lab/k3s-standin /usr/local/bin/k3s
         printf '[Unit]\\nAfter=network-online.target\\n[Service]\\nType=notify\\nKillMode=process\\nRestart=always\\nRestartSec=5s\\n\
         ExecStart=/usr/local/bin/k3s {command}\\n[Install]\\nWantedBy=multi-user.target\\n' >/etc/systemd/system/{service}.service
         systemctl daemon-reload; systemctl enable --quiet --now {service}"
    ));
}
