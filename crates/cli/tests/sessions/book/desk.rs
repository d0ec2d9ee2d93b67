//! The desk of one page: a directory in which its blocks are run one after the other, with the `coracle` of this build,
//! and nobody beyond it to be reached: `ssh` finds every host switched off, and `cargo` runs what is built already.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use crate::desk::Desk;

/// README's commands begin with cargo; what they run is this build.
const CARGO: &str = "#!/bin/sh
[ \"$1 $2 $3 $4\" = 'run -p coracle --' ] || exit 64
shift 4
exec coracle \"$@\"
";

/// Nobody is reached from here, whatever a page says.
const SSH: &str = "#!/bin/sh
while [ $# -gt 0 ]; do [ \"$1\" = -E ] && log=$2; shift; done
echo 'ssh: connect to host: Connection refused' >\"$log\"
exit 255
";

pub(super) struct PageDesk {
    desk: Desk,
    here: PathBuf,
    printed: String,
}

impl PageDesk {
    pub(super) fn new() -> Self {
        let desk = Desk::new();
        let (bin, here) = (desk.path("bin"), desk.path("here"));
        for dir in [&bin, &here, &desk.path("home")] {
            fs::create_dir(dir).expect("the desk can be written on");
        }
        for (name, text) in [("cargo", CARGO), ("ssh", SSH)] {
            fs::write(bin.join(name), text).expect("the desk can be written on");
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_coracle"), bin.join("coracle")).expect("a link");
        std::os::unix::fs::symlink(super::root().join("examples"), here.join("examples")).expect("a link");
        Self { desk, here, printed: String::new() }
    }

    fn shell(&self, script: &str) -> (i32, String) {
        let output = Command::new("/bin/sh")
            .args(["-ec", script])
            .current_dir(&self.here)
            .env_clear()
            .env("HOME", self.desk.path("home"))
            .env("PATH", format!("{}:/usr/bin:/bin", self.desk.path("bin").display()))
            .stdin(Stdio::null())
            .output()
            .expect("there is a shell");
        let printed = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&printed).into_owned())
    }

    /// Runs a block where the one before it ended.
    pub(super) fn run(&mut self, script: &str, code: i32) -> Result<(), String> {
        let mark = self.desk.path("where");
        let (ended, printed) = self.shell(&format!("{script}\npwd >'{}'", mark.display()));
        if ended != code {
            return Err(format!("it ends with {ended}, not {code}:\n{printed}"));
        }
        if let Ok(here) = fs::read_to_string(mark) {
            self.here = here.trim_end().into();
        }
        self.printed = printed;
        Ok(())
    }

    /// Whether the program reads this line; nothing of it is done, for `--help` comes first.
    pub(super) fn parses(&self, line: &str) -> Result<(), String> {
        match self.shell(&format!("{} --help", line.replace('…', ""))) {
            (0, _) => Ok(()),
            (_, printed) => Err(printed),
        }
    }

    pub(super) fn accepts(&self, file: &str) -> Result<(), String> {
        let done = self.desk.run_with_input(&["check", "-f", "-"], file);
        if done.code == 0 { Ok(()) } else { Err(done.err) }
    }

    pub(super) fn add(&self, part: &str) -> Result<(), String> {
        let path = self.here.join("coracle.yaml");
        let text = fs::read_to_string(&path).map_err(|why| format!("no cluster file to add to: {why}"))?;
        fs::write(&path, text + part).map_err(|why| why.to_string())
    }

    pub(super) fn printed(&self, lines: &str) -> Result<(), String> {
        let missing = lines.lines().find(|line| !self.printed.contains(line.trim()));
        missing.map_or(Ok(()), |line| Err(format!("{line:?} was not printed, but\n{}", self.printed)))
    }
}
