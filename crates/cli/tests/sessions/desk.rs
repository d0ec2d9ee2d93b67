//! A desk of its own for every session: an empty directory, an empty home, a bare environment.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The smallest cluster file.
pub(crate) const SMALL: &str = "\
apiVersion: coracle.dev/v1alpha1
kind: Cluster
metadata:
  name: harbor
spec:
  nodes:
    - {name: harbor-1, role: server, ssh: root@192.168.1.11}
";

/// An empty directory, an empty home, a bare environment.
pub(crate) struct Desk {
    dir: tempfile::TempDir,
    env: Vec<(String, String)>,
}

/// What a session left behind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a directory for the session"), env: Vec::new() }
    }

    /// A desk with `coracle.yaml` on it.
    pub(crate) fn with(text: &str) -> Self {
        let desk = Self::new();
        desk.write("coracle.yaml", text);
        desk
    }

    /// Three servers, as README's first command has them.
    pub(crate) fn quickstart() -> Self {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/quickstart.yaml");
        Self::with(&fs::read_to_string(example).expect("the example is there"))
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("the desk can be written on");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("the file is there")
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coracle"));
        command.args(args).current_dir(self.dir.path()).env_clear();
        command.env("HOME", self.path("home")).env("PATH", self.path("bin"));
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Done {
        done(self.command(args).output().expect("coracle starts"))
    }

    pub(crate) fn run_with_input(&self, args: &[&str], input: &str) -> Done {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("coracle starts");
        child.stdin.take().expect("it was piped").write_all(input.as_bytes()).expect("it is read");
        done(child.wait_with_output().expect("coracle ends"))
    }
}

fn done(output: std::process::Output) -> Done {
    Done {
        code: output.status.code().expect("it ended by itself"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}
