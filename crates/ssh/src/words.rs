//! What the ssh client's own words mean.
//!
//! Owns: the table from OpenSSH's messages (in the C locale; `sshconnect.c`, `ssh.c`, `packet.c` of OpenSSH 7 to 10)
//! to causes. Must not: be shown anything a remote command wrote to its standard output.

use model::fault::{Cause, HostFault};

/// Part of a message, and what it means. The first that is found decides, so the more telling ones stand first.
const MEANINGS: &[(&str, Cause)] = &[
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", Cause::KeyChanged),
    ("REVOKED HOST KEY", Cause::KeyChanged),
    ("differs from the key for the IP address", Cause::KeyChanged),
    ("host key is known for", Cause::KeyUnknown),
    ("Host key verification failed", Cause::KeyUnknown),
    ("Could not resolve hostname", Cause::NameNotFound),
    ("Name or service not known", Cause::NameNotFound),
    ("Permission denied (", Cause::Authentication),
    ("Too many authentication failures", Cause::Authentication),
    ("no more authentication methods", Cause::Authentication),
    ("No supported authentication methods", Cause::Authentication),
    ("Connection refused", Cause::Refused),
    ("No route to host", Cause::NoRoute),
    ("Network is unreachable", Cause::NoRoute),
    ("Host is down", Cause::NoRoute),
    ("timed out", Cause::TimedOut),
    ("Timeout, server", Cause::TimedOut),
    ("Bad configuration option", Cause::Client),
    ("bad configuration options", Cause::Client),
    ("Bad owner or permissions", Cause::Client),
    ("open user config file", Cause::Client),
    ("Unable to negotiate", Cause::Client),
    ("no matching", Cause::Client),
    ("unknown option", Cause::Client),
    ("illegal option", Cause::Client),
    ("usage: ssh", Cause::Client),
    ("command-line", Cause::Client),
    ("nologin", Cause::Refused),
    ("not permitted to log in yet", Cause::Refused),
    ("kex_exchange_identification", Cause::Refused),
    ("ssh_exchange_identification", Cause::Refused),
    ("Connection closed by", Cause::Refused),
    ("Connection reset by", Cause::Refused),
];

/// What a client that ended before the host said a word meant. `log` is what it wrote to its own log, `beside` the
/// standard error of the session, where jump hosts speak too.
pub(crate) fn judge(log: &str, beside: &str) -> HostFault {
    let found =
        [log, beside].into_iter().flat_map(str::lines).filter_map(meaning).min_by_key(|(rank, _)| *rank);
    match found {
        Some((rank, _)) if MEANINGS[rank].1 == Cause::KeyChanged => {
            HostFault::new(Cause::KeyChanged, changed_key(log, beside))
        }
        Some((rank, line)) => HostFault::new(MEANINGS[rank].1, more_than(MEANINGS[rank].1, &clean(line))),
        None => match last_line(log).or(last_line(beside)) {
            Some(line) => HostFault::new(Cause::Client, clean(line)),
            None => HostFault::new(Cause::Lost, "the connection ended without a word"),
        },
    }
}

/// What a message says beyond its cause, which is shown before it: `connect to host 10.0.0.1 port 22` of
/// `ssh: connect to host 10.0.0.1 port 22: Connection refused`.
fn more_than(cause: Cause, line: &str) -> String {
    let line = line.strip_prefix("ssh: ").unwrap_or(line);
    let said_again: &[&str] = match cause {
        Cause::Refused => &["Connection refused"],
        Cause::TimedOut => &["Connection timed out", "Operation timed out"],
        Cause::NoRoute => &["No route to host"],
        Cause::NameNotFound => &["Name or service not known"],
        Cause::KeyUnknown => &["Host key verification failed."],
        _ => &[],
    };
    let cut = said_again.iter().find_map(|again| line.strip_suffix(again));
    let cut = cut.map_or(line, |cut| cut.trim_end_matches(": "));
    let cut = cut.strip_prefix("Could not resolve hostname ").unwrap_or(cut);
    let cut = cut.strip_suffix(" and you have requested strict checking.").unwrap_or(cut);
    cut.to_owned()
}

/// Whether sshd dropped the connection before it began, as it does when too many come at once or while its machine
/// still boots; then it is worth to come back.
pub(crate) fn is_dropped(fault: &HostFault) -> bool {
    let early = ["kex_exchange_identification", "ssh_exchange_identification", "not permitted to log in yet"];
    fault.cause == Cause::Refused && early.iter().any(|word| fault.detail.contains(word))
}

/// Whether the connection went through another program, so that the client itself saw no more than a closed pipe.
pub(crate) fn is_behind_another(log: &str) -> bool {
    log.contains("UNKNOWN port 65535")
}

/// The last thing a client said; empty when it said nothing.
pub(crate) fn last_words(log: &str) -> String {
    clean(last_line(log).unwrap_or_default())
}

fn meaning(line: &str) -> Option<(usize, &str)> {
    if line.starts_with("debug") {
        return None;
    }
    let rank = MEANINGS.iter().position(|(part, _)| line.contains(part))?;
    Some((rank, line))
}

/// Names the fingerprint that was shown and where another one stands, out of OpenSSH's long warning.
fn changed_key(log: &str, beside: &str) -> String {
    let lines = || [log, beside].into_iter().flat_map(str::lines).map(str::trim);
    let shown = lines().find(|line| line.starts_with("SHA256:")).map(|line| line.trim_end_matches('.'));
    let known =
        lines().find_map(|line| line.strip_prefix("Offending ")?.split_once(" in ")).map(|(_, at)| at);
    match (shown, known) {
        (Some(shown), Some(known)) => format!("it shows {shown}, another one stands in {known}"),
        (Some(shown), None) => format!("it shows {shown}"),
        _ => "its key is revoked or not the known one".to_owned(),
    }
}

fn last_line(text: &str) -> Option<&str> {
    text.lines().rev().map(str::trim).find(|line| !line.is_empty())
}

/// One line without control characters and of a length that people read.
pub(crate) fn clean(line: &str) -> String {
    line.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(log: &str) -> Cause {
        judge(log, "").cause
    }

    #[test]
    fn openssh_messages_have_their_causes() {
        let told = [
            (
                "ssh: Could not resolve hostname nosuch.invalid: Name or service not known",
                Cause::NameNotFound,
            ),
            ("ssh: connect to host 127.0.0.1 port 1: Connection refused", Cause::Refused),
            ("ssh: connect to host 10.0.0.1 port 22: Connection timed out", Cause::TimedOut),
            ("ssh: connect to host 10.0.0.1 port 22: Operation timed out", Cause::TimedOut),
            (
                "Connection timed out during banner exchange\nConnection to 10.0.0.1 port 22 timed out",
                Cause::TimedOut,
            ),
            ("ssh: connect to host 10.0.0.1 port 22: No route to host", Cause::NoRoute),
            ("nobody@127.0.0.1: Permission denied (publickey,keyboard-interactive).", Cause::Authentication),
            (
                "Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures",
                Cause::Authentication,
            ),
            ("command-line: line 0: Bad configuration option: bogus", Cause::Client),
            ("Can't open user config file /nonexistent: No such file or directory", Cause::Client),
            ("Unable to negotiate with 10.0.0.1 port 22: no matching host key type found.", Cause::Client),
            ("kex_exchange_identification: Connection closed by remote host", Cause::Refused),
        ];
        for (log, expected) in told {
            assert_eq!(cause(log), expected, "{log}");
        }
    }

    #[test]
    fn an_unknown_key_is_told_from_a_changed_one() {
        let unknown = "No ED25519 host key is known for [127.0.0.1]:2022 and you have requested strict checking.\n\
                       Host key verification failed.";
        assert_eq!(cause(unknown), Cause::KeyUnknown);
        let changed = "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n\
                       The fingerprint for the ED25519 key sent by the remote host is\nSHA256:XmiK.\n\
                       Offending RSA key in /home/ann/.ssh/known_hosts:7\nHost key verification failed.";
        assert_eq!(
            judge(changed, ""),
            HostFault::new(
                Cause::KeyChanged,
                "it shows SHA256:XmiK, another one stands in /home/ann/.ssh/known_hosts:7"
            )
        );
    }

    #[test]
    fn the_jump_host_says_why_when_the_client_only_saw_a_closed_pipe() {
        let log = "kex_exchange_identification: Connection closed by remote host\nConnection closed by UNKNOWN port 65535";
        let fault = judge(log, "ssh: connect to host bastion port 22: Connection refused\n");
        assert_eq!(fault, HostFault::new(Cause::Refused, "connect to host bastion port 22"));
        assert!(!is_dropped(&fault));
    }

    #[test]
    fn only_a_connection_dropped_before_it_began_is_worth_another_try() {
        assert!(is_dropped(&judge("kex_exchange_identification: read: Connection reset by peer", "")));
        assert!(!is_dropped(&judge("ssh: connect to host a port 22: Connection refused", "")));
        assert!(!is_dropped(&judge("a: Permission denied (publickey).", "")));
    }

    #[test]
    fn a_message_does_not_say_its_cause_twice() {
        let told = |log: &str| judge(log, "").to_string();
        for (log, shown) in [
            (
                "ssh: connect to host 127.0.0.1 port 1: Connection refused",
                "connection refused: connect to host 127.0.0.1 port 1",
            ),
            (
                "ssh: connect to host 10.0.0.1 port 22: Connection timed out",
                "timed out: connect to host 10.0.0.1 port 22",
            ),
            (
                "ssh: Could not resolve hostname nosuch.invalid: Name or service not known",
                "host name not found: nosuch.invalid",
            ),
            ("Host key verification failed.", "host key not known"),
            (
                "ssh: connect to host 10.0.0.1 port 22: Network is unreachable",
                "no route to host: connect to host 10.0.0.1 port 22: Network is unreachable",
            ),
        ] {
            assert_eq!(told(log), shown);
        }
    }
}
