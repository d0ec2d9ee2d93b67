//! Paths on hosts, and those that are not the user's to write.

use crate::{
    diagnostic::{Code, Diagnostic, Sink, quote},
    raw::Spanned,
};

/// The path of a file to place.
pub(super) fn file(path: &Spanned<String>, sink: &mut Sink<'_>) {
    if !plain(path, sink) {
        return;
    }
    if let Some(why) = kept(&path.value) {
        let message = format!("{} is not placed here: {why}", quote(&path.value));
        let diagnostic = Diagnostic::error(Code::ReservedName, message).at(path.span, "");
        sink.push(diagnostic.help("remove the entry"));
    }
}

/// Reports a path that is not absolute and plain; returns whether it is.
pub(super) fn plain(path: &Spanned<String>, sink: &mut Sink<'_>) -> bool {
    let Some(why) = crooked(&path.value) else { return true };
    let message = format!("{} {why}", quote(&path.value));
    let diagnostic = Diagnostic::error(Code::InvalidPath, message).at(path.span, "");
    sink.push(diagnostic.help("write an absolute path such as /etc/issue"));
    false
}

fn crooked(path: &str) -> Option<&'static str> {
    let Some(rest) = path.strip_prefix('/') else { return Some("is not an absolute path") };
    if path.chars().any(char::is_control) || path.len() > 4000 {
        return Some("holds characters that no path of a host should");
    }
    let part = |part: &str| part.is_empty() || part == "." || part == "..";
    rest.split('/').any(part).then_some("has an empty part, `.` or `..`")
}

const OURS: &str = "coracle keeps it";
const K3S: &str = "k3s keeps it";
const SSH: &str =
    "a mistake there locks the operator out; use `sshd` in spec.os, or a drop-in in /etc/ssh/sshd_config.d";
const LOGIN: &str = "a mistake there locks the operator out";
const RUNTIME: &str = "it does not outlive a reboot";

/// Paths that are kept, with the reason; those with a slash at the end hold everything below them.
const KEPT: [(&str, &str); 25] = [
    ("/var/lib/coracle/", OURS),
    ("/etc/rancher/k3s/config.yaml.d/50-coracle.yaml", OURS),
    ("/usr/local/bin/k3s", OURS),
    ("/usr/local/bin/kubectl", OURS),
    ("/usr/local/bin/crictl", OURS),
    ("/usr/local/bin/ctr", OURS),
    ("/usr/local/bin/k3s-killall.sh", OURS),
    ("/usr/local/bin/k3s-uninstall.sh", OURS),
    ("/usr/local/bin/k3s-agent-uninstall.sh", OURS),
    ("/etc/systemd/system/k3s.service", OURS),
    ("/etc/systemd/system/k3s.service.env", OURS),
    ("/etc/systemd/system/k3s-agent.service", OURS),
    ("/etc/systemd/system/k3s-agent.service.env", OURS),
    ("/etc/init.d/k3s", OURS),
    ("/etc/init.d/k3s-agent", OURS),
    ("/etc/rancher/k3s/k3s.yaml", K3S),
    ("/etc/rancher/node/", K3S),
    ("/var/lib/rancher/k3s/server/db/", K3S),
    ("/var/lib/rancher/k3s/server/cred/", K3S),
    ("/etc/passwd", LOGIN),
    ("/etc/shadow", LOGIN),
    ("/proc/", RUNTIME),
    ("/sys/", RUNTIME),
    ("/dev/", RUNTIME),
    ("/run/", RUNTIME),
];

fn kept(path: &str) -> Option<&'static str> {
    let token = ["token", "node-token", "agent-token"];
    if path.strip_prefix("/var/lib/rancher/k3s/server/").is_some_and(|name| token.contains(&name)) {
        return Some("coracle makes and keeps the tokens");
    }
    if path.ends_with("/.ssh/authorized_keys") {
        return Some(LOGIN);
    }
    // Drop-ins for sshd are the user's: coracle changes them behind a guard that takes them back by itself.
    if path.starts_with("/etc/ssh/") && !path.starts_with("/etc/ssh/sshd_config.d/") {
        return Some(SSH);
    }
    if path.rsplit('/').next().is_some_and(|name| name.contains("coracle")) {
        return Some("names with `coracle` are kept for its own files");
    }
    let covers = |entry: &str| if entry.ends_with('/') { path.starts_with(entry) } else { path == entry };
    KEPT.iter().find(|(entry, _)| covers(entry)).map(|(_, why)| *why)
}

/// Why the service is not the user's to start or stop, if so.
pub(super) fn kept_service(name: &str) -> Option<&'static str> {
    match name {
        "k3s" | "k3s-agent" => Some("coracle runs it"),
        "ssh" | "sshd" | "ssh.socket" | "sshd.socket" | "dropbear" | "dropbear.socket" => {
            Some("the operator needs it to log in")
        }
        _ => name.contains("coracle").then_some("coracle keeps it"),
    }
}
