//! An OpenSSH server of our own on loopback, with its own keys and its own client configuration.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command},
};

use model::{HostKey, NodeName, SshTarget, secret::Secret};
use ssh::{Destination, Limits, Settings, Ssh};

const SSHD: &str = "/usr/sbin/sshd";

/// A running sshd; it and its directory go with this.
pub(crate) struct Server {
    pub(crate) port: u16,
    dir: tempfile::TempDir,
    child: Child,
}

impl Server {
    /// Starts one with these lines more in its configuration, where `DIR` is its directory; or says by `None` that
    /// there is none on this machine.
    pub(crate) fn start(more: &str) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            return None;
        }
        // As root it wants its directory; otherwise it can only serve its own user, which is all we ask.
        let _ = fs::create_dir_all("/run/sshd");
        let dir = tempfile::tempdir().expect("a directory");
        for key in ["host", "id", "stranger"] {
            make_key(&dir.path().join(key));
        }
        fs::copy(dir.path().join("id.pub"), dir.path().join("authorized_keys")).expect("copied");
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let at = dir.path().display();
        let more = more.replace("DIR", &at.to_string());
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {at}/host\nPidFile none\nUsePAM no\nStrictModes no\n\
             AuthorizedKeysFile {at}/authorized_keys\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPermitRootLogin yes\nLogLevel VERBOSE\n{more}\n"
        );
        fs::write(dir.path().join("config"), config).expect("written");
        let mut command = Command::new(SSHD);
        command.arg("-D").arg("-E").arg(dir.path().join("log")).arg("-f").arg(dir.path().join("config"));
        let mut child = command.spawn().expect("it starts");
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(child.try_wait().expect("it is ours").is_none(), "sshd ended");
            std::thread::yield_now();
        }
        Some(Self { port, dir, child })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// How often somebody logged in.
    pub(crate) fn logins(&self) -> usize {
        self.log().matches("Accepted publickey").count()
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).expect("there")
    }

    /// The processes that serve its connections now.
    pub(crate) fn connections(&self) -> Vec<String> {
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).expect("there");
        children.split_whitespace().map(str::to_owned).collect()
    }

    /// Waits until every connection has ended, and said so in the log.
    pub(crate) fn until_quiet(&self) {
        while !self.connections().is_empty() {
            std::thread::yield_now();
        }
    }

    /// Ends every connection from its side, without a word.
    pub(crate) fn cut(&self) {
        let cut = Command::new("kill").arg("-9").args(self.connections()).status();
        assert!(cut.expect("kill runs").success());
    }

    /// Ends it, and leaves its files.
    pub(crate) fn stop(&mut self) {
        // It may have been stopped before.
        let _ = self.child.kill();
        self.child.wait().expect("it was started");
    }

    /// Its real host key.
    pub(crate) fn key(&self) -> HostKey {
        public_key(&self.path("host.pub"))
    }

    /// A key that is not its own.
    pub(crate) fn stranger(&self) -> HostKey {
        public_key(&self.path("stranger.pub"))
    }

    /// The host this sshd stands for.
    pub(crate) fn destination(&self, key: Option<HostKey>) -> Destination {
        let target = SshTarget { user: None, host: "127.0.0.1".into(), port: Some(self.port) };
        Destination { name: host(), target, key }
    }

    /// Settings under which its user can log in, with these lines more in the client's configuration.
    pub(crate) fn settings(&self, more: &str) -> Settings {
        let config = format!(
            "{more}\nIdentityFile {id}\nIdentitiesOnly yes\nUserKnownHostsFile {known}\nGlobalKnownHostsFile /dev/null\n",
            id = self.path("id").display(),
            known = self.path("known_hosts").display(),
        );
        fs::write(self.path("client"), config).expect("written");
        Settings { config: Some(self.path("client")), ..Settings::new(self.dir.path()) }
    }

    /// Writes this key into the user's own list.
    pub(crate) fn know(&self, key: &HostKey) {
        let line = format!("[127.0.0.1]:{} {} {}\n", self.port, key.algorithm, key.base64);
        fs::write(self.path("known_hosts"), line).expect("written");
    }

    /// Sessions to it, with its key pinned.
    pub(crate) fn pinned(&self) -> Ssh {
        self.sessions(self.settings(""), Some(self.key()), None)
    }

    /// Sessions to it.
    pub(crate) fn sessions(&self, settings: Settings, key: Option<HostKey>, password: Option<&str>) -> Ssh {
        let password = password.map(|text| Secret::new(text.as_bytes().to_vec()));
        Ssh::new(settings, [self.destination(key)], password).expect("a private directory")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The one host of these tests.
pub(crate) fn host() -> NodeName {
    "harbor-1".parse().expect("a name")
}

/// Patience for tests that expect silence.
pub(crate) fn hasty() -> Limits {
    let second = std::time::Duration::from_secs(1);
    Limits { connect: second, hello: second, silence: second, tries: 2 }
}

fn make_key(path: &Path) {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
    assert!(made.expect("ssh-keygen runs").success());
}

fn public_key(path: &Path) -> HostKey {
    let text = fs::read_to_string(path).expect("there");
    let mut words = text.split_whitespace();
    let mut next = || words.next().expect("two words").to_owned();
    HostKey { algorithm: next(), base64: next() }
}
