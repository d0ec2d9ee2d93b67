//! The hosts and the connection to each.
//!
//! Owns: the private directory of sockets, pins and logs, and that no connection outlives the run. Must not: talk
//! (`exec`, `access`, `channel`).

use std::{
    collections::BTreeMap,
    fs::Permissions,
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use model::{
    HostKey, NodeName,
    fault::{Cause, HostFault},
    secret::Secret,
};
use tempfile::TempDir;
use tokio::{process::Command, sync::Mutex};

use crate::{
    client::{self, Company, Trust, Way},
    key, mux,
    settings::{Destination, Settings},
    words,
};

/// Longest path of a socket that macOS takes, less what OpenSSH appends while it makes one.
const SOCKET_PATH: usize = 103 - 18;

/// Hosts, reached through the user's own OpenSSH client. The engine's `Hosts` and `Access`, and channels for the API.
///
/// Each host has one shared connection: the first session opens it, later ones pass through it, and dropping this ends
/// it. Should the process die, connections end a minute after their last use.
#[derive(Debug)]
pub struct Ssh {
    pub(crate) settings: Settings,
    pub(crate) password: Option<Secret>,
    pub(crate) lines: BTreeMap<NodeName, Line>,
    /// Held while a person may be asked something: one question at a time.
    pub(crate) asking: Mutex<()>,
    next: AtomicU32,
    dir: TempDir,
}

/// One host and the files of its sessions.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) to: Destination,
    socket: PathBuf,
    pin: Option<PathBuf>,
}

impl Ssh {
    /// Prepares sessions to these hosts; nothing is connected yet. `password` is what sudo is told where it asks.
    /// Fails when the private directory cannot be made.
    pub fn new(
        settings: Settings,
        destinations: impl IntoIterator<Item = Destination>,
        password: Option<Secret>,
    ) -> io::Result<Self> {
        let dir = private_dir(&settings.scratch)?;
        let mut lines = BTreeMap::new();
        for (number, to) in destinations.into_iter().enumerate() {
            let mut line = Line { socket: dir.path().join(number.to_string()), pin: None, to };
            if let Some(key) = &line.to.key {
                let pin = dir.path().join(format!("{number}.pin"));
                std::fs::write(&pin, key::pin_line(&line.to, key))?;
                line.pin = Some(pin);
            }
            lines.insert(line.to.name.clone(), line);
        }
        Ok(Self { settings, password, lines, asking: Mutex::new(()), next: AtomicU32::new(0), dir })
    }

    /// Ends every shared connection and removes the private directory; no session can be opened afterwards. Dropping
    /// does the same: this is for when channels that are still held somewhere keep it from being dropped.
    pub fn close(&self) {
        mux::terminate(self.lines.values().map(|line| line.socket.as_path()));
        // What is left of it holds no secret.
        let _ = std::fs::remove_dir_all(self.dir.path());
    }

    pub(crate) fn line(&self, host: &NodeName) -> Result<&Line, HostFault> {
        self.lines.get(host).ok_or_else(|| {
            HostFault::new(Cause::Client, format!("{host} is not among the hosts this run may reach"))
        })
    }

    /// A client for one session with this host, and the log it will write.
    pub(crate) fn client(&self, line: &Line, shared: bool, company: Company) -> (Command, Log) {
        let log = self.log();
        let way = if shared { Way::Shared(&line.socket) } else { Way::Fresh };
        (client::command(&self.settings, &line.to, line.trust(), way, company, &log.path), log)
    }

    pub(crate) fn log(&self) -> Log {
        Log { path: self.file("log") }
    }

    /// A name in the private directory that nothing else has.
    pub(crate) fn file(&self, suffix: &str) -> PathBuf {
        self.dir.path().join(format!("{}.{suffix}", self.next.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Line {
    /// Which keys are good for it.
    pub(crate) fn trust(&self) -> Trust<'_> {
        self.pin.as_deref().map_or(Trust::Known, Trust::Pinned)
    }

    /// Ends the shared connection, if it stands.
    pub(crate) fn hang_up(&self) {
        mux::terminate(std::iter::once(self.socket.as_path()));
    }
}

impl Drop for Ssh {
    fn drop(&mut self) {
        self.close();
    }
}

/// What one client writes to its log; deleted with this.
#[derive(Debug)]
pub(crate) struct Log {
    path: PathBuf,
}

impl Log {
    pub(crate) fn read(&self) -> String {
        std::fs::read(&self.path)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Whether the client came to run at all: it begins its log before anything else.
    pub(crate) fn began(&self) -> bool {
        self.path.exists()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Why a client ended that was not heard of. A wrong key is told in the words of the pin where there is one, and
    /// told apart from a jump host's, of which only the session's standard error knows.
    pub(crate) fn judge(&self, to: &Destination, beside: &str) -> HostFault {
        let log = self.read();
        let of_key = |fault: &HostFault| matches!(fault.cause, Cause::KeyChanged | Cause::KeyUnknown);
        let own = words::judge(&log, "");
        if of_key(&own) {
            return to.key.as_ref().map_or(own.clone(), |key| not_the_pin(&own, key));
        }
        let all = words::judge(&log, beside);
        if of_key(&all) { HostFault::new(all.cause, of_jump_host(&all.detail)) } else { all }
    }
}

fn of_jump_host(detail: &str) -> String {
    let colon = if detail.is_empty() { "" } else { ": " };
    format!("of a jump host{colon}{detail}")
}

fn not_the_pin(fault: &HostFault, key: &HostKey) -> HostFault {
    let pinned = key::fingerprint(key).unwrap_or_else(|bad| bad);
    let shown = fault.detail.split(", another one").next().unwrap_or_default();
    HostFault::new(Cause::KeyChanged, format!("{shown}, `hostKey:` is {pinned}"))
}

impl Drop for Log {
    fn drop(&mut self) {
        // A leftover goes with the directory.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A directory for us alone, at a path that sockets and OpenSSH's option values can carry.
fn private_dir(scratch: &Path) -> io::Result<TempDir> {
    let fits = scratch.as_os_str().len() + "/coracle-123456/99999".len() <= SOCKET_PATH;
    let plain = scratch.to_str().is_some_and(|path| !path.contains(['%', '"', ' ', '$', '~', '\\']));
    let base = if fits && plain && scratch.is_dir() { scratch } else { Path::new("/tmp") };
    tempfile::Builder::new().prefix("coracle-").permissions(Permissions::from_mode(0o700)).tempdir_in(base)
}
