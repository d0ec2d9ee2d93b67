//! The command line of the ssh client.
//!
//! Owns: which options every session has and why. Must not: carry anything secret, for arguments are seen by every
//! user of the machine.

use std::{ffi::OsString, path::Path, process::Stdio};

use tokio::process::Command;

use crate::settings::{Destination, Settings};

/// What a session never does, whatever the user's configuration says for his own ones; and words for `words` to read.
/// Dead networks are found out after half a minute. Only options that OpenSSH 7 knows too: an unknown one is an end.
const ALWAYS: [&str; 12] = [
    "RequestTTY=no",
    "RemoteCommand=none",
    "PermitLocalCommand=no",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    "Tunnel=no",
    "LogLevel=INFO",
    "VisualHostKey=no",
    "ConnectionAttempts=1",
    "ServerAliveInterval=10",
    "ServerAliveCountMax=3",
];

/// The lists of keys that OpenSSH reads by itself beside the user's.
const SYSTEM_KNOWN_HOSTS: &str = "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2";

/// Through which connection a session goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way<'a> {
    /// The shared one at this socket; opened when it is not there, and left standing for a minute.
    Shared(&'a Path),
    /// One of its own, past any shared one.
    Fresh,
}

/// Who is with the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Company {
    /// Nobody. It asks nothing, for a question would hang a run that nobody watches, and it has no terminal, for its
    /// jump hosts' clients would ask there whatever it was told; so Ctrl-C does not reach it either, and a step that
    /// has begun is let end.
    Alone,
    /// Somebody at the terminal, which it shares with us.
    Person,
}

/// Where the program is that starts another without a terminal. Where it is not, the client is at least no part of
/// the terminal's foreground.
const SETSID: [&str; 2] = ["/usr/bin/setsid", "/bin/setsid"];

/// Which host keys are good.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trust<'a> {
    /// The one in this list, looked up by [`crate::key::alias`].
    Pinned(&'a Path),
    /// Those in the user's own lists, and in the one of keys accepted through coracle where there is one.
    Known,
    /// Any; it is written to this list, and nobody logs in.
    Noted(&'a Path),
}

/// The client with everything but what it is to do; append that with [`finish`].
pub(crate) fn command(
    settings: &Settings,
    to: &Destination,
    trust: Trust<'_>,
    way: Way<'_>,
    company: Company,
    log: &Path,
) -> Command {
    let mut command = bare(settings, company, log);
    for option in ALWAYS {
        command.arg("-o").arg(option);
    }
    command.arg("-o").arg(format!("ConnectTimeout={}", settings.limits.connect.as_secs().max(1)));
    for option in trust_options(settings, to, trust) {
        command.arg("-o").arg(option);
    }
    match way {
        Way::Shared(socket) => {
            command.args(["-o", "ControlMaster=auto", "-o", "ControlPersist=60", "-S"]).arg(socket);
        }
        Way::Fresh => {
            command.args(["-o", "ControlMaster=no", "-S", "none"]);
        }
    }
    command
}

/// The client with its log, in the C locale, with piped streams, and dying with its handle.
fn bare(settings: &Settings, company: Company, log: &Path) -> Command {
    let mut command = match (company, SETSID.iter().find(|path| Path::new(path).exists())) {
        (Company::Alone, Some(setsid)) => {
            let mut command = Command::new(setsid);
            command.arg(&settings.program);
            command
        }
        (Company::Alone, None) => {
            let mut command = Command::new(&settings.program);
            command.process_group(0);
            command
        }
        (Company::Person, _) => Command::new(&settings.program),
    };
    command.env("LC_ALL", "C").env_remove("LANGUAGE").arg("-E").arg(log);
    if let Some(config) = &settings.config {
        command.arg("-F").arg(config);
    }
    if company == Company::Alone {
        command.args(["-o", "BatchMode=yes"]).env("SSH_ASKPASS_REQUIRE", "never");
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Names the host and, behind it, the remote command if there is one.
pub(crate) fn finish(command: &mut Command, to: &Destination, remote: Option<&str>) {
    if let Some(user) = &to.target.user {
        command.arg("-l").arg(user);
    }
    if let Some(port) = to.target.port {
        command.arg("-p").arg(port.to_string());
    }
    command.arg("--").arg(&to.target.host);
    command.args(remote);
}

fn trust_options(settings: &Settings, to: &Destination, trust: Trust<'_>) -> Vec<OsString> {
    let own_list = |path: &Path, strict: &str| {
        let mut options = vec![
            format!("StrictHostKeyChecking={strict}").into(),
            quoted("UserKnownHostsFile=", path),
            "GlobalKnownHostsFile=/dev/null".into(),
        ];
        // DNS must not vouch for another key, and nothing may be added behind our back.
        options.extend(["VerifyHostKeyDNS=no", "UpdateHostKeys=no", "CheckHostIP=no"].map(OsString::from));
        options
    };
    match trust {
        Trust::Pinned(list) => {
            let mut options = own_list(list, "yes");
            options.push(format!("HostKeyAlias={}", crate::key::alias(to)).into());
            options
        }
        Trust::Noted(list) => {
            let mut options = own_list(list, "no");
            options.push("HashKnownHosts=no".into());
            options
        }
        Trust::Known => {
            let mut options = vec!["StrictHostKeyChecking=yes".into()];
            // Beside the system's lists and not the user's, whose place his configuration may have set.
            if let Some(known) = settings.known_hosts.as_ref().filter(|known| known.exists()) {
                options.push(quoted(&format!("GlobalKnownHostsFile={SYSTEM_KNOWN_HOSTS} "), known));
            }
            options
        }
    }
}

/// Values of `-o` are read like lines of the configuration file, where quotes keep blanks.
fn quoted(before: &str, path: &Path) -> OsString {
    let mut text = OsString::from(before);
    text.push("\"");
    text.push(path);
    text.push("\"");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(settings: &Settings, user: Option<&str>, trust: Trust<'_>, way: Way<'_>) -> String {
        let target =
            model::SshTarget { user: user.map(str::to_owned), host: "203.0.113.7".into(), port: Some(2222) };
        let name = "harbor-1".parse().expect("a name");
        let to = Destination { name, target, key: None };
        let mut command = command(settings, &to, trust, way, Company::Person, Path::new("/run/c/0.log"));
        finish(&mut command, &to, Some("true"));
        let words: Vec<_> =
            command.as_std().get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        words.join(" ").replace(" -o ", "\n-o ")
    }

    #[test]
    fn a_shared_session_with_a_pinned_key() {
        let settings = Settings::new("/run");
        let pin = Trust::Pinned(Path::new("/run/c/0.pin"));
        let shared = Way::Shared(Path::new("/run/c/0"));
        insta::assert_snapshot!(line(&settings, Some("ann"), pin, shared), @r#"
        -E /run/c/0.log
        -o RequestTTY=no
        -o RemoteCommand=none
        -o PermitLocalCommand=no
        -o ForwardAgent=no
        -o ForwardX11=no
        -o ClearAllForwardings=yes
        -o Tunnel=no
        -o LogLevel=INFO
        -o VisualHostKey=no
        -o ConnectionAttempts=1
        -o ServerAliveInterval=10
        -o ServerAliveCountMax=3
        -o ConnectTimeout=10
        -o StrictHostKeyChecking=yes
        -o UserKnownHostsFile="/run/c/0.pin"
        -o GlobalKnownHostsFile=/dev/null
        -o VerifyHostKeyDNS=no
        -o UpdateHostKeys=no
        -o CheckHostIP=no
        -o HostKeyAlias=coracle-harbor-1
        -o ControlMaster=auto
        -o ControlPersist=60 -S /run/c/0 -l ann -p 2222 -- 203.0.113.7 true
        "#);
    }

    #[test]
    fn a_fresh_session_checks_by_the_users_own_lists() {
        let settings = Settings { known_hosts: Some("/dev/null".into()), ..Settings::new("/run") };
        let line = line(&settings, None, Trust::Known, Way::Fresh);
        assert!(line.contains("StrictHostKeyChecking=yes"), "{line}");
        assert!(!line.contains("UserKnownHostsFile"), "{line}");
        assert!(line.contains("ssh_known_hosts2 \"/dev/null\""), "{line}");
        assert!(line.contains("-S none"), "{line}");
        assert!(!line.contains("-l "), "{line}");
    }
}
