//! Where scripts run in tests: a temporary tree as root, a shell of choice, stand-ins for the tools that need a real
//! system.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "tests run real shells on real files, and name what is absent"
)]
#![allow(unreachable_pub, reason = "there is no other crate to reach it")]
#![allow(dead_code, reason = "each test binary uses its part")]

mod stand_in;

use std::{
    io::Write,
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use host::{Escalation, Tree, encode_in, remote};
use model::{
    condition::Condition,
    fault::HostFault,
    op::HostOp,
    plan::StepId,
    port::{Body, Exec, ExecStep},
    reply::{Said, StepReply},
};

/// A shell to run scripts under, with the tools that come with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shell {
    pub name: &'static str,
    /// The program, and whether its own applets stand before all other tools.
    program: &'static str,
    applets: bool,
}

const SHELLS: [Shell; 3] = [
    Shell { name: "dash", program: "dash", applets: false },
    Shell { name: "bash", program: "bash", applets: false },
    Shell { name: "busybox ash", program: "busybox", applets: true },
];

/// All that the scripts may use: what Debian's minbase, Alpine and the small installation of EL have in common.
const TOOLS: [&str; 28] = [
    "awk",
    "cat",
    "chmod",
    "chown",
    "cp",
    "cut",
    "df",
    "find",
    "grep",
    "head",
    "ln",
    "mkdir",
    "mktemp",
    "mv",
    "od",
    "readlink",
    "rm",
    "rmdir",
    "sed",
    "setsid",
    "sha256sum",
    "sleep",
    "stat",
    "tail",
    "tar",
    "timeout",
    "tr",
    "wc",
];

/// The shells of this machine; the absent ones are named in the output.
pub fn shells() -> Vec<Shell> {
    let (present, absent): (Vec<_>, Vec<_>) =
        SHELLS.into_iter().partition(|shell| find(shell.program).is_some());
    for shell in absent {
        println!("not here, not tested: {}", shell.name);
    }
    assert!(!present.is_empty(), "no shell to test with");
    present
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// A temporary root, gone when dropped.
pub struct Ground {
    dir: tempfile::TempDir,
    shell: Shell,
}

impl Ground {
    pub fn new(shell: Shell) -> Self {
        let ground = Self { dir: tempfile::tempdir().expect("a temporary directory"), shell };
        let bin = ground.dir.path().join("bin");
        std::fs::create_dir_all(&bin).expect("room");
        std::fs::create_dir_all(ground.path("/")).expect("room");
        let program = find(shell.program).expect("present");
        symlink(&program, bin.join("sh")).expect("room");
        for tool in TOOLS {
            let from = if shell.applets { Some(program.clone()) } else { find(tool) };
            symlink(from.unwrap_or_else(|| panic!("{tool} is not here")), bin.join(tool)).expect("room");
        }
        for (name, script) in stand_in::TOOLS {
            ground.tool(name, script);
        }
        ground
    }

    /// Where a path of the host lies on this machine.
    pub fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join("root").join(path.trim_start_matches('/'))
    }

    pub fn root(&self) -> String {
        self.dir.path().join("root").to_str().expect("plain").to_owned()
    }

    /// Puts a tool before all others.
    pub fn tool(&self, name: &str, script: &str) {
        let file = self.dir.path().join("bin").join(name);
        let _ = std::fs::remove_file(&file);
        std::fs::write(&file, format!("#!/bin/sh\nROOT={}\n{script}", self.root())).expect("room");
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o755)).expect("ours");
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let file = self.path(path);
        std::fs::create_dir_all(file.parent().unwrap_or(Path::new("/"))).expect("room");
        std::fs::write(file, text).expect("room");
    }

    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        std::fs::read(self.path(path)).ok()
    }

    fn tools(&self) -> String {
        self.dir.path().join("bin").to_str().expect("plain").to_owned()
    }

    pub fn tree(&self) -> Tree {
        Tree { root: self.root(), path: Some(self.tools()), patience: 0 }
    }

    /// Runs the remote command line with this as its standard input; gives status, stdout and stderr.
    pub fn raw(&self, escalation: Escalation, stdin: &[u8]) -> (Option<i32>, Vec<u8>, Vec<u8>) {
        let mut child = Command::new(self.dir.path().join("bin/sh"))
            .arg("-c")
            .arg(remote(escalation))
            .env_clear()
            .env("PATH", self.tools())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut pipe = child.stdin.take().expect("piped");
        let stdin = stdin.to_vec();
        let writer = std::thread::spawn(move || {
            // A command that ends before it read everything is the test's own matter.
            let _ = pipe.write_all(&stdin);
        });
        let output = child.wait_with_output().expect("it ran");
        writer.join().expect("written");
        (output.status.code(), output.stdout, output.stderr)
    }

    /// Works through an exec.
    pub fn exec(&self, exec: &Exec) -> (Vec<Said>, Result<(), HostFault>) {
        let (input, mut decoder) = encode_in(&self.tree(), exec, None).expect("it can be sent");
        let (status, stdout, stderr) = self.raw(Escalation::Root, input.archive.expose());
        let mut said = Vec::new();
        decoder.feed(&stdout, &mut |word| said.push(word));
        let verdict = decoder.finish(status, &stderr, &mut |word| said.push(word));
        if verdict.is_err() {
            println!("{}\n{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
        }
        (said, verdict)
    }

    /// The reply to one operation.
    pub fn ask(&self, step: ExecStep) -> StepReply {
        let (said, verdict) = self.exec(&Exec { steps: vec![step] });
        verdict.unwrap_or_else(|fault| panic!("{}: {fault}", self.shell.name));
        match said.into_iter().next_back() {
            Some(Said::Ended(_, reply)) => reply,
            other => panic!("no reply: {other:?}"),
        }
    }
}

/// A step that asks nothing of what was there, and is not to be owned.
pub fn step(op: HostOp, bodies: Vec<Body>) -> ExecStep {
    ExecStep { id: StepId::parse(op.name()), op, was: Condition::Holds, own: None, bodies }
}

impl Ground {
    /// What a boot would do: the hook that coracle may have left runs before everything else.
    pub fn boot(&self) {
        let systemd = self.path("/etc/systemd/system/sysinit.target.wants/coracle-guard.service");
        let openrc = self.path("/etc/runlevels/boot/coracle-guard");
        if [systemd, openrc].iter().any(|hook| hook.symlink_metadata().is_ok()) {
            let revert = self.path("/var/lib/coracle/guard/revert");
            let mut command = Command::new(self.dir.path().join("bin/sh"));
            let status = command.arg(revert).arg("boot").env_clear().env("PATH", self.tools()).status();
            assert!(status.expect("it runs").success());
        }
    }
}

/// User and group of whoever runs the tests.
pub fn whoami() -> (String, String) {
    let ask = |flag| {
        let output = Command::new("id").arg(flag).output().expect("id runs");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    (ask("-un"), ask("-gn"))
}

impl Ground {
    pub fn bin(&self, name: &str) -> PathBuf {
        self.dir.path().join("bin").join(name)
    }

    /// An operator's end of a session, to be fed and killed.
    pub fn operator(&self, command: &str) -> std::process::Child {
        Command::new(self.bin("sh"))
            .arg("-c")
            .arg(command)
            .env_clear()
            .env("PATH", self.tools())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell")
    }
}
