//! Why a host or an API gave no answer.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a host gave no usable answer. The host itself is named by whoever holds the fault.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[error("{cause}{}{detail}", if detail.is_empty() { "" } else { ": " })]
pub struct HostFault {
    /// The kind of fault.
    pub cause: Cause,
    /// What was seen, for people; never a secret.
    pub detail: String,
}

/// The kinds of faults, each with its own cure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Error, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// The name does not resolve.
    #[error("host name not found")]
    NameNotFound,
    /// Nothing listens.
    #[error("connection refused")]
    Refused,
    /// No packet came back in time.
    #[error("timed out")]
    TimedOut,
    /// No route, network unreachable.
    #[error("no route to host")]
    NoRoute,
    /// The host key is not the pinned or known one.
    #[error("host key changed")]
    KeyChanged,
    /// The host key has never been seen and nobody said to trust it.
    #[error("host key not known")]
    KeyUnknown,
    /// No offered key or password was accepted.
    #[error("authentication failed")]
    Authentication,
    /// The user may not become root.
    #[error("cannot become root")]
    NoRoot,
    /// Becoming root needs a password that was not given, or was wrong.
    #[error("sudo needs a password")]
    RootPassword,
    /// The host has no space or inodes left.
    #[error("disk full")]
    DiskFull,
    /// Another step of an earlier run still runs.
    #[error("an earlier run still works on this host")]
    Busy,
    /// Another operator holds the cluster lock.
    #[error("locked by another run")]
    Locked,
    /// The connection broke in the middle.
    #[error("connection lost")]
    Lost,
    /// The answer does not follow the protocol.
    #[error("answered out of protocol")]
    Garbled,
    /// The host lacks something that coracle cannot do without.
    #[error("unsupported system")]
    Unsupported,
    /// The operator's own ssh client cannot be run or rejects its configuration.
    #[error("ssh client failed")]
    Client,
}

impl HostFault {
    /// A fault of this kind.
    pub fn new(cause: Cause, detail: impl Into<String>) -> Self {
        Self { cause, detail: detail.into() }
    }
}

impl Cause {
    /// What to do about it, as one sentence.
    pub fn cure(self) -> &'static str {
        match self {
            Self::NameNotFound => "check the name in `ssh:` and your DNS or ssh configuration",
            Self::Refused => "check that sshd runs there and that the port is right",
            Self::TimedOut | Self::NoRoute => "check that the host is up and that no firewall is in between",
            Self::KeyChanged => {
                "if the host was rebuilt, compare its new key on its console and put it into `hostKey:` or known_hosts"
            }
            Self::KeyUnknown => {
                "compare the key on the host's console and pin it in `hostKey:`, or run `coracle plan` in a terminal, which asks"
            }
            Self::Authentication => "check the user in `ssh:` and that your key is in its authorized_keys",
            Self::NoRoot => "give the user sudo or doas rights, or log in as root",
            Self::RootPassword => "run again with --ask-sudo, or allow the user sudo without a password",
            Self::DiskFull => "free some space there and run again",
            Self::Busy => "wait for it to end and run again",
            Self::Locked => "wait for the other run, or run again when its lease has ended",
            Self::Lost => "run again: coracle goes on where it stopped",
            Self::Garbled => {
                "run again with -v; something on the host writes into the session (a login script, a banner)"
            }
            Self::Unsupported => "see the platform table in README for what coracle runs on",
            Self::Client => "run the same ssh command by hand; coracle uses your own OpenSSH client",
        }
    }
}
