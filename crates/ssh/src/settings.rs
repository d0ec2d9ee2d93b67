//! What a caller decides about sessions.
//!
//! Owns: the settings and their defaults. Must not: turn them into arguments (`client`).

use std::{path::PathBuf, time::Duration};

use model::{HostKey, NodeName, SshTarget};

/// How sessions are opened, the same for every host.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The ssh client: a path, or a name that is looked up in `PATH`.
    pub program: PathBuf,
    /// A configuration file in place of the user's own and the system's (`ssh -F`).
    pub config: Option<PathBuf>,
    /// Where a private directory for sockets and logs is made: `XDG_RUNTIME_DIR`, or the directory for temporary
    /// files. `/tmp` is taken where its path is too long for a socket.
    pub scratch: PathBuf,
    /// Keys that were accepted through coracle ([`crate::accept`]), beside the user's own `known_hosts`.
    pub known_hosts: Option<PathBuf>,
    /// Whether somebody sits at a terminal and may be asked for a passphrase or PIN, one host at a time. Otherwise
    /// nothing is ever asked.
    pub attended: bool,
    /// When patience ends.
    pub limits: Limits,
}

/// When patience ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For a connection to stand, whole seconds (OpenSSH's `ConnectTimeout`).
    pub connect: Duration,
    /// For the first word of a host, after the last byte that could be sent to it.
    pub hello: Duration,
    /// Between two words of a host that is at work. Dead networks are found out much sooner, by keep-alives.
    pub silence: Duration,
    /// How often a connection is tried that sshd drops before it begins, as a busy one does (`MaxStartups`).
    pub tries: u32,
}

/// One host and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The name the engine knows it by.
    pub name: NodeName,
    /// Where it is.
    pub target: SshTarget,
    /// The only key it may show; without one, `known_hosts` decides.
    pub key: Option<HostKey>,
}

impl Settings {
    /// The user's own client and configuration, nobody to ask.
    pub fn new(scratch: impl Into<PathBuf>) -> Self {
        Self {
            program: PathBuf::from("ssh"),
            config: None,
            scratch: scratch.into(),
            known_hosts: None,
            attended: false,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            hello: Duration::from_mins(1),
            silence: Duration::from_mins(15),
            tries: 4,
        }
    }
}
