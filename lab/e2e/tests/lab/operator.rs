//! A person with a directory, a cluster file and the program: everything he writes and hears is kept.
//!
//! Owns: running `coracle` within a bound, and its transcripts (`NN-verb.out`, `.err`). Must not: know what a story is about.

use std::{
    cell::Cell,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{
    lab::{Host, Lab, Lent},
    secrets::Secrets,
};

/// No run of any story is longer.
const LIMIT: Duration = Duration::from_mins(4);

/// A person and his directory.
pub(crate) struct Operator {
    pub(crate) lab: &'static Lab,
    dir: PathBuf,
    /// Short, for ssh's sockets.
    scratch: tempfile::TempDir,
    env: Vec<(String, String)>,
    runs: Cell<u32>,
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Done {
    verb: String,
    /// The exit code; `None` when it was killed.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A run that goes on.
pub(crate) struct Running {
    child: Child,
    verb: String,
    paths: [PathBuf; 2],
    begun: Instant,
}

impl Operator {
    /// A person with an empty directory for this story.
    pub(crate) fn new(lab: &'static Lab, story: &str) -> Self {
        let dir = Path::new(&std::env::var("CORACLE_E2E_DIR").unwrap()).join(story);
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("home")).unwrap();
        let scratch = tempfile::Builder::new().prefix("ce2e").tempdir_in("/tmp").unwrap();
        Self { lab, dir, scratch, env: Vec::new(), runs: Cell::new(0) }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Believes that a host has another key than it has.
    pub(crate) fn distrusting(self, host: &Host) -> Self {
        let keys = fs::read_to_string(self.lab.at("/ssh/known_hosts")).unwrap();
        let other =
            keys.lines().find(|line| !is_of(line, host)).and_then(|line| line.rsplit(' ').next()).unwrap();
        let keys: String = keys
            .lines()
            .map(|line| match line.rsplit_once(' ') {
                Some((head, _)) if is_of(line, host) => format!("{head} {other}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        self.write("home/known_hosts", &keys);
        let config = fs::read_to_string(self.lab.at("/ssh/config")).unwrap();
        let own = self.path("home/known_hosts").display().to_string();
        self.write("home/ssh_config", &config.replace(&self.lab.at("/ssh/known_hosts"), &own));
        let own = self.path("home/ssh_config").display().to_string();
        self.env("CORACLE_SSH_CONFIG", &own)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Writes a file into his directory.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Writes the cluster file and its lock.
    pub(crate) fn wants(&self, file: &crate::file::ClusterFile) {
        self.write("coracle.yaml", &file.text());
        self.ends(0, &["lock"]);
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Done {
        self.start(args, "").wait()
    }

    /// Runs it, and it must end with this code.
    #[track_caller]
    pub(crate) fn ends(&self, code: i32, args: &[&str]) -> Done {
        self.run(args).ends(code)
    }

    /// Begins a run with this on its standard input.
    pub(crate) fn start(&self, args: &[&str], input: &str) -> Running {
        self.runs.set(self.runs.get() + 1);
        let verb = args.join(" ");
        let stem = format!("{:02}-{}", self.runs.get(), args[0]);
        let paths = ["out", "err"].map(|stream| self.path(&format!("{stem}.{stream}")));
        let mut child = self.command(args);
        child.stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() });
        child.stdout(File::create(&paths[0]).unwrap()).stderr(File::create(&paths[1]).unwrap());
        let mut child = child.spawn().unwrap();
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).unwrap();
        }
        Running { child, verb, paths, begun: Instant::now() }
    }

    /// What `coracle kubeconfig` prints: no transcript of it is kept, for it is a secret.
    pub(crate) fn printed_kubeconfig(&self, password: &str) -> String {
        let mut command = self.command(&["kubeconfig"]);
        command.args((!password.is_empty()).then_some("--ask-sudo"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(password.as_bytes()).unwrap();
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    /// Whether a fresh login of the operator's own ssh gets a command done there.
    pub(crate) fn ssh(&self, to: &str, script: &str) -> bool {
        let config = self.lab.at("/ssh/config");
        let mut ssh = Command::new("ssh");
        ssh.args([
            "-F",
            &config,
            "-o",
            "ControlPath=none",
            "-o",
            "BatchMode=yes",
            "-o",
            "ConnectTimeout=5",
            to,
            script,
        ]);
        ssh.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(std::env::var("CORACLE_E2E_BIN").unwrap());
        command.args(args).current_dir(&self.dir).env_clear();
        command
            .env("HOME", self.path("home"))
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("USER", "operator");
        command
            .env("XDG_RUNTIME_DIR", self.scratch.path())
            .env("CORACLE_SSH_CONFIG", self.lab.at("/ssh/config"));
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Ends the story: no secret of its hosts may stand in anything that was written anywhere.
    pub(crate) fn leaves_no_secret(&self, lent: &Lent) {
        let secrets = self.told_no_secret(lent);
        secrets.on_hosts(lent);
    }

    /// No secret of the hosts stands in anything that was written on this side.
    pub(crate) fn told_no_secret(&self, lent: &Lent) -> Secrets {
        let own = self.env.iter().filter(|(name, _)| name.contains("SECRET")).map(|(_, value)| value.clone());
        let secrets = Secrets::of(lent, own.chain([self.lab.sudo_password()]));
        secrets.below(&self.dir);
        secrets
    }
}

impl Done {
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "`coracle {}` ended otherwise:\n{}\n{}",
            self.verb,
            self.out,
            self.err
        );
        self
    }

    /// What was said holds a line with all of these, in whatever case: hosts speak for themselves.
    #[track_caller]
    pub(crate) fn tells(&self, words: &[&str]) -> &Self {
        let all = format!("{}\n{}", self.err, self.out);
        let told = all
            .to_lowercase()
            .lines()
            .any(|line| words.iter().all(|word| line.contains(&word.to_lowercase())));
        assert!(told, "`coracle {}` says nowhere {words:?}:\n{}\n{}", self.verb, self.out, self.err);
        self
    }

    /// The events of a run with `-o json`, in order.
    pub(crate) fn events(&self) -> Vec<Value> {
        events(&self.out)
    }
}

impl Running {
    /// What it has said so far.
    pub(crate) fn out(&self) -> String {
        fs::read_to_string(&self.paths[0]).unwrap_or_default()
    }

    /// Waits until an event comes for which `is` holds; `None` when the run ended without it.
    pub(crate) fn hears(&mut self, is: impl Fn(&Value) -> bool) -> Option<Value> {
        loop {
            let ended = self.child.try_wait().unwrap().is_some();
            if let Some(event) = events(&self.out()).into_iter().find(|event| is(event)) {
                return Some(event);
            }
            if ended {
                return None;
            }
            self.breathe();
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        // It may have ended on its own just before.
        let _ = kill_process(pid, signal);
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Done {
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return self.done(status);
            }
            self.breathe();
        }
    }

    fn breathe(&mut self) {
        thread::sleep(Duration::from_millis(10));
        if self.begun.elapsed() > LIMIT {
            self.child.kill().unwrap();
            let err = fs::read_to_string(&self.paths[1]).unwrap_or_default();
            panic!("`coracle {}` does not end:\n{err}", self.verb);
        }
    }

    fn done(self, status: ExitStatus) -> Done {
        let [out, err] =
            self.paths.map(|path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned());
        Done { verb: self.verb, code: status.code(), out, err }
    }
}

/// Whether a line of `known_hosts` is about a host.
fn is_of(line: &str, host: &Host) -> bool {
    line.split([',', ' ']).any(|name| name == host.name)
}

/// The whole lines of an event stream.
fn events(text: &str) -> Vec<Value> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

/// Whether an event is the good end of a step whose name ends so.
pub(crate) fn ended(event: &Value, step: &str) -> bool {
    let what = &event["what"];
    what["event"] == "ended"
        && what["step"].as_str().is_some_and(|id| id.ends_with(step))
        && matches!(what["outcome"]["is"].as_str(), Some("changed" | "unchanged"))
}
