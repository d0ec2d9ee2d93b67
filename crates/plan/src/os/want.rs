//! What the domain wants on a host.
//!
//! Sources of the values: the k3s hardening guide and the kubelet's own demands (`protect-kernel-defaults`) for kernel
//! settings; its manual page for sshd.

use std::{collections::BTreeMap, fmt::Write};

use model::{
    digest::Sha256,
    facts::{Content as Seen, FileFact, FileMeta, Init},
    secret::{Content, SecretSource},
};
use spec::cluster::{Body, Cluster, Node, Os, OsFile, RootLogin};

use crate::{
    host::file_is,
    site::Site,
    want::{Want, root},
};

/// The kubelet's own resolv.conf, when the file names resolvers.
pub(crate) const RESOLV_CONF: &str = "/etc/rancher/k3s/resolv.conf";
/// The drop-in that hardens sshd. Low, because sshd takes the first value it reads.
pub(crate) const SSHD: &str = "/etc/ssh/sshd_config.d/10-coracle.conf";
/// System files whose digests are recorded by the baseline.
pub(crate) const INTEGRITY: [&str; 5] =
    ["/etc/fstab", "/etc/logrotate.conf", "/etc/ssh/sshd_config", "/etc/sudoers", "/etc/sysctl.conf"];

/// Everything the domain wants on a host of this kind.
pub(crate) fn wants(cluster: &Cluster, node: &Node, init: Init, sshd_dropins: bool) -> Vec<Want> {
    let os = &cluster.os;
    let mut wants = kernel(cluster);
    if os.baseline {
        wants.extend(baseline(os, init, sshd_dropins));
    }
    if let Some(text) = &os.motd {
        wants.push(Want::file("/etc/motd", 0o644, with_newline(text)));
    }
    if !os.nameservers.is_empty() {
        let text = os.nameservers.iter().fold(String::new(), |mut text, ip| {
            writeln!(text, "nameserver {ip}").expect("writing to a String cannot fail");
            text
        });
        wants.push(Want::file(RESOLV_CONF, 0o644, text));
    }
    wants.extend(additions(os, node));
    wants
}

fn kernel(cluster: &Cluster) -> Vec<Want> {
    let mut settings: BTreeMap<&str, &str> = spec::k3s::SYSCTLS.into();
    let six = cluster.network.pod_cidr.iter().any(|cidr| cidr.addr().is_ipv6());
    if six {
        settings.insert("net.ipv6.conf.all.forwarding", "1");
    }
    let text = settings.iter().fold(HEAD.to_owned(), |mut text, (key, value)| {
        writeln!(text, "{key} = {value}").expect("writing to a String cannot fail");
        text
    });
    let mut wants = vec![
        // Loaded at boot here and at each start of k3s by its service; where the kernel has them built in, nothing happens.
        Want::file("/etc/modules-load.d/50-coracle.conf", 0o644, format!("{HEAD}br_netfilter\noverlay\n")),
        Want::file("/etc/sysctl.d/90-coracle.conf", 0o644, text),
    ];
    wants.extend(
        settings.iter().map(|(key, value)| Want::Sysctl { key: (*key).into(), value: (*value).into() }),
    );
    wants
}

/// Bounds of the journal, so that k3s's log rotates.
const JOURNALD: &str = "[Journal]\nSystemMaxUse=1G\nMaxRetentionSec=3month\n";

const HEAD: &str = "# Written by coracle from the cluster file; changes here are lost.\n";

fn baseline(os: &Os, init: Init, sshd_dropins: bool) -> Vec<Want> {
    let mut wants = vec![
        Want::Meta { path: "/root".into(), meta: root(0o700) },
        Want::Meta { path: "/etc/ssh/sshd_config".into(), meta: root(0o600) },
    ];
    if init == Init::Systemd {
        let text = format!("{HEAD}{JOURNALD}");
        wants.push(Want::file("/etc/systemd/journald.conf.d/50-coracle.conf", 0o644, text));
    }
    if sshd_dropins {
        wants.push(Want::file(SSHD, 0o600, sshd(os)));
    }
    wants
}

fn sshd(os: &Os) -> String {
    let yes = |allowed| if allowed { "yes" } else { "no" };
    let root = match os.sshd.permit_root_login {
        RootLogin::ProhibitPassword => "prohibit-password",
        RootLogin::No => "no",
        RootLogin::Yes => "yes",
    };
    let passwords = yes(os.sshd.password_authentication);
    // Forwarding of TCP stays on: coracle itself reaches the API through it, behind the login.
    format!(
        "{HEAD}PermitRootLogin {root}\nPasswordAuthentication {passwords}\nKbdInteractiveAuthentication {passwords}\n\
         PermitEmptyPasswords no\nX11Forwarding no\nMaxAuthTries 4\nLoginGraceTime 30\n"
    )
}

fn additions(os: &Os, node: &Node) -> Vec<Want> {
    let mut wants: Vec<Want> = Vec::new();
    let here = |on: &spec::cluster::Match| on.covers(node);
    wants.extend(os.packages.iter().filter(|p| here(&p.on)).map(|p| Want::Package { name: p.name.clone() }));
    for module in os.modules.iter().filter(|module| here(&module.on)) {
        let path = format!("/etc/modules-load.d/91-coracle-{}.conf", module.name);
        wants.push(Want::file(&path, 0o644, format!("{HEAD}{}\n", module.name)));
        wants.push(Want::Module { name: module.name.clone() });
    }
    for sysctl in os.sysctls.iter().filter(|sysctl| here(&sysctl.on)) {
        // They are there with the module only, which nothing has loaded before k3s.
        if sysctl.key.starts_with("net.bridge.") {
            wants.push(Want::Module { name: "br_netfilter".into() });
        }
        let path = format!("/etc/sysctl.d/91-coracle-{}.conf", sysctl.key.replace('/', "-"));
        wants.push(Want::file(&path, 0o644, format!("{HEAD}{} = {}\n", sysctl.key, sysctl.value)));
        wants.retain(|want| !matches!(want, Want::Sysctl { key, .. } if *key == sysctl.key));
        wants.push(Want::Sysctl { key: sysctl.key.clone(), value: sysctl.value.clone() });
    }
    wants.extend(os.files.iter().filter(|file| here(&file.on)).map(file));
    for service in os.services.iter().filter(|service| here(&service.on)) {
        let name = service.name.clone();
        wants.push(Want::Service { name, enabled: service.enabled, running: service.running });
    }
    wants
}

fn file(file: &OsFile) -> Want {
    let content = match &file.body {
        Body::Text(text) => Content::text(text.clone()),
        Body::Secret(from) => Content::secret(SecretSource::Operator(from.clone())),
    };
    let meta = FileMeta { mode: file.mode, owner: file.owner.clone(), group: file.group.clone() };
    Want::File { path: file.path.clone(), meta, content }
}

fn with_newline(text: &str) -> String {
    if text.ends_with('\n') { text.to_owned() } else { format!("{text}\n") }
}

/// The services that files on a node name for a restart.
pub(crate) fn restarted(cluster: &Cluster, node: &Node) -> Vec<String> {
    let mut names: Vec<String> = cluster
        .os
        .files
        .iter()
        .filter(|file| file.on.covers(node))
        .filter_map(|file| file.restart.clone())
        .collect();
    if cluster.os.baseline {
        names.push("systemd-journald".to_owned());
    }
    names
}

/// What a service reads, in so far as files name it for a restart.
pub(super) struct Stamp {
    /// The service.
    pub service: String,
    /// Digest of the public part of what it reads.
    pub text: String,
    /// Whether a secret among it is about to change, which the digest cannot know.
    pub secret_differs: bool,
}

/// The stamps of all services that files name for a restart on this host.
pub(super) fn stamps(cluster: &Cluster, site: &Site<'_>) -> Vec<Stamp> {
    let mut read: BTreeMap<String, (String, bool)> = BTreeMap::new();
    let mut put = |service: &str, text: &str, differs: bool| {
        let entry = read.entry(service.to_owned()).or_default();
        entry.0.push_str(text);
        entry.1 |= differs;
    };
    if cluster.os.baseline && site.stable().init == Init::Systemd {
        put("systemd-journald", JOURNALD, false);
    }
    for entry in cluster.os.files.iter().filter(|file| file.on.covers(site.node)) {
        let (Some(service), Want::File { path, meta, content }) = (&entry.restart, file(entry)) else {
            continue;
        };
        let differs = content.is_secret()
            && site.stable().files.get(&path).is_none_or(|fact| secret_differs(fact, &meta, &content));
        put(service, &format!("{path}\n{}\n", content.redacted()), differs);
    }
    let stamp = |(service, (text, secret_differs)): (String, (String, bool))| Stamp {
        service,
        text: Sha256::of(text.as_bytes()).short().to_owned(),
        secret_differs,
    };
    read.into_iter().map(stamp).collect()
}

fn secret_differs(fact: &FileFact, meta: &FileMeta, content: &Content) -> bool {
    let offered = matches!(fact, FileFact::File { content: Seen::Keyed { wanted: Some(_), .. }, .. });
    (offered || matches!(fact, FileFact::Absent)) && !file_is(fact, meta, content)
}

/// The paths whose digests are recorded.
pub(super) fn integrity_paths(cluster: &Cluster) -> Vec<String> {
    let mut paths: Vec<String> = cluster.os.integrity.clone();
    if cluster.os.baseline {
        paths.extend(INTEGRITY.map(String::from));
    }
    paths.sort();
    paths.dedup();
    paths
}
