//! The files of k3s on a host that depend on nothing observed.
//!
//! Names and properties are those of k3s's own installer, so that whoever knows one knows the other; the texts are
//! coracle's.

use model::{facts::Init, op::Look, op::Survey};
use spec::cluster::{Cluster, Node, Role};

use super::config;
use crate::want::Want;

/// The one binary.
pub(crate) const BINARY: &str = "/usr/local/bin/k3s";
/// What coracle says to k3s. The rest of the directory, and `config.yaml`, are the user's.
pub(crate) const DROP_IN: &str = "/etc/rancher/k3s/config.yaml.d/50-coracle.yaml";
/// The token a node joins with; on the founder, the password the cluster's server token is made from.
pub(crate) const JOIN_TOKEN: &str = "/etc/rancher/k3s/coracle-token";
/// The password that agents join with; equal on all servers.
pub(crate) const AGENT_TOKEN: &str = "/etc/rancher/k3s/coracle-agent-token";
/// Where a server keeps the full form of its token.
pub(crate) const SERVER_TOKEN_MADE: &str = "/var/lib/rancher/k3s/server/token";
/// Where a server keeps the full form of the agent token.
pub(crate) const AGENT_TOKEN_MADE: &str = "/var/lib/rancher/k3s/server/agent-token";

const KILLALL: &str = include_str!("scripts/k3s-killall.sh");
const UNINSTALL: &str = include_str!("scripts/k3s-uninstall.sh");
const UNIT: &str = include_str!("scripts/k3s.service");
const INIT_SCRIPT: &str = include_str!("scripts/k3s.openrc");
const LOGROTATE: &str = include_str!("scripts/k3s.logrotate");

/// The service's name, as k3s's installer names it.
pub(crate) fn service(role: Role) -> &'static str {
    match role {
        Role::Server => "k3s",
        Role::Agent => "k3s-agent",
    }
}

/// The script that stops k3s and everything it started.
pub(crate) fn kill_script() -> &'static str {
    "/usr/local/bin/k3s-killall.sh"
}

/// Everything but binary, drop-ins and tokens.
pub(crate) fn wants(_cluster: &Cluster, node: &Node, init: Init) -> Vec<Want> {
    let service = service(node.role);
    let fill = |text: &str| text.replace("@SERVICE@", service).replace("@ROLE@", node.role.as_str());
    let mut wants = vec![
        Want::file(kill_script(), 0o755, KILLALL),
        Want::file(&format!("/usr/local/bin/{service}-uninstall.sh"), 0o755, fill(UNINSTALL)),
    ];
    for name in ["kubectl", "crictl", "ctr"] {
        wants.push(Want::Link { path: format!("/usr/local/bin/{name}"), target: "k3s".into() });
    }
    match init {
        Init::Systemd => wants.push(Want::file(&unit_path(node.role, init), 0o644, fill(UNIT))),
        Init::Openrc => {
            wants.push(Want::file(&unit_path(node.role, init), 0o755, fill(INIT_SCRIPT)));
            wants.push(Want::file(&format!("/etc/logrotate.d/{service}"), 0o644, fill(LOGROTATE)));
        }
    }
    wants
}

/// Where the service is described.
pub(crate) fn unit_path(role: Role, init: Init) -> String {
    match init {
        Init::Systemd => format!("/etc/systemd/system/{}.service", service(role)),
        Init::Openrc => format!("/etc/init.d/{}", service(role)),
    }
}

/// Adds what the domain must look at on a host.
pub(crate) fn survey(cluster: &Cluster, node: &Node, survey: &mut Survey) {
    for init in [Init::Systemd, Init::Openrc] {
        for want in wants(cluster, node, init) {
            want.survey(survey);
        }
    }
    for role in [Role::Server, Role::Agent] {
        survey.services.push(service(role).to_owned());
    }
    survey.paths.insert(BINARY.into(), Look::Meta);
    // What it will say depends on what is observed: its text comes along, to be compared.
    survey.paths.insert(DROP_IN.into(), Look::Text(None));
    for path in [JOIN_TOKEN, AGENT_TOKEN] {
        survey.paths.insert(path.into(), Look::Meta);
    }
    if let Some(content) = config::secrets(cluster, node) {
        survey.paths.insert(config::SECRETS.into(), Look::Secret(Some(content)));
    }
    survey.kubeconfig = node.role == Role::Server;
}
