//! The lab's hosts: who has them, what befalls them, and a look inside past their network and sshd.
//!
//! Owns: hosts are lent to one story at a time, with a fresh disk each time. Must not: know coracle.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Condvar, Mutex, OnceLock},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

/// What `lab/lab up` said.
pub(crate) struct Lab {
    json: Value,
    /// Hosts that no story has.
    free: Mutex<BTreeSet<String>>,
    freed: Condvar,
}

/// A host that a story has.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) address: String,
}

/// Hosts of one story, given back at its end.
pub(crate) struct Lent {
    lab: &'static Lab,
    pub(crate) hosts: Vec<Host>,
}

impl Lab {
    /// The lab, or `None` with a word about it.
    pub(crate) fn find() -> Option<&'static Self> {
        static LAB: OnceLock<Option<Lab>> = OnceLock::new();
        let lab = LAB.get_or_init(|| {
            let json: Value =
                serde_json::from_slice(&fs::read(env::var("CORACLE_E2E_LAB").ok()?).ok()?).ok()?;
            let hosts = json["hosts"].as_array().unwrap().iter();
            let free = Mutex::new(hosts.map(|host| host["name"].as_str().unwrap().to_owned()).collect());
            Some(Self { json, free, freed: Condvar::new() })
        });
        if lab.is_none() {
            println!("not here, not tested: the lab (lab/e2e/run boots it)");
        }
        lab.as_ref()
    }

    /// Lends hosts with these traits (`curl`, `bare`, `doas`, `wget`, `openrc`), when all are free at once.
    pub(crate) fn lend(&'static self, traits: &[&str]) -> Lent {
        let mut free = self.free.lock().unwrap();
        let names = loop {
            if let Some(names) = self.choose(&free, traits) {
                break names;
            }
            free = self.freed.wait(free).unwrap();
        };
        free.retain(|name| !names.contains(name));
        drop(free);
        let hosts: Vec<_> =
            names.into_iter().map(|name| Host { address: self.of(&name, "address"), name }).collect();
        hosts.iter().filter(|host| host.is_used()).for_each(|host| host.befall(&["wipe"]));
        Lent { lab: self, hosts }
    }

    fn choose(&self, free: &BTreeSet<String>, traits: &[&str]) -> Option<Vec<String>> {
        let mut chosen: Vec<String> = Vec::new();
        for wanted in traits {
            let found = free.iter().find(|name| !chosen.contains(*name) && self.kind(name) == *wanted);
            chosen.push(found?.clone());
        }
        Some(chosen)
    }

    fn kind(&self, name: &str) -> &'static str {
        match (
            self.of(name, "init").as_str(),
            self.of(name, "escalate").as_str(),
            self.of(name, "download").as_str(),
        ) {
            ("openrc", ..) => "openrc",
            (_, "doas", _) => "doas",
            (.., "curl") => "curl",
            (.., "wget") => "wget",
            _ => "bare",
        }
    }

    fn of(&self, name: &str, key: &str) -> String {
        let host = self.json["hosts"].as_array().unwrap().iter().find(|host| host["name"] == name).unwrap();
        host[key].as_str().unwrap_or_default().to_owned()
    }

    /// A path or address of the lab, by JSON pointer.
    pub(crate) fn at(&self, pointer: &str) -> String {
        self.json.pointer(pointer).unwrap().as_str().unwrap().to_owned()
    }

    /// The password that `opspw` needs for sudo.
    pub(crate) fn sudo_password(&self) -> String {
        fs::read_to_string(self.at("/ssh/sudo_password_file")).unwrap().trim_end().to_owned()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        for host in &self.hosts {
            // A story may have left it off, full or cut off.
            let _ = command(&["heal", &host.name]).output();
            let _ = command(&["unfill", &host.name]).output();
        }
        let mut free = self.lab.free.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        free.extend(self.hosts.iter().map(|host| host.name.clone()));
        self.lab.freed.notify_all();
    }
}

impl Host {
    /// Whether any story had it since it was made; from now on one had.
    fn is_used(&self) -> bool {
        let mark = Path::new(&env::var("CORACLE_E2E_DIR").unwrap()).join(format!("used-{}", self.name));
        let used = mark.exists();
        fs::write(mark, "").unwrap();
        used
    }

    /// Runs a script inside, as root, past network and sshd. What it printed; its failure is the story's.
    pub(crate) fn sh(&self, script: &str) -> String {
        let done = self.try_sh(script);
        assert!(done.status.success(), "{}: {script}\n{}", self.name, String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim_end().to_owned()
    }

    /// Whether a script ends well inside.
    pub(crate) fn says(&self, script: &str) -> bool {
        self.try_sh(script).status.success()
    }

    fn try_sh(&self, script: &str) -> Output {
        command(&["exec", &self.name, "timeout", "60", "sh", "-c", script]).output().unwrap()
    }

    /// What a file holds; `None` where there is none.
    pub(crate) fn file(&self, path: &str) -> Option<String> {
        self.says(&format!("[ -e {path} ]")).then(|| self.sh(&format!("cat {path}")))
    }

    /// Everything that should be as it was once a cluster has gone: paths with kind, mode, owner and digest, and services.
    pub(crate) fn picture(&self) -> Vec<String> {
        let text = self.sh(PICTURE);
        text.lines().map(ToOwned::to_owned).collect()
    }

    /// `wipe`, `reboot`, `stop`, `start`, `fill`, `cut`… of the lab, on this host.
    pub(crate) fn befall(&self, words: &[&str]) {
        lab(&[&[words[0], &self.name], &words[1..]].concat());
    }
}

/// What a package manager, a boot or a login changes by itself is left out.
const PICTURE: &str = r"
cd /
places='etc usr/local lib/systemd/system var/lib opt root home'
own='-path var/lib/systemd -o -path var/lib/private -o -path var/lib/dbus -o -path var/lib/apt -o -path var/lib/urandom -o -path opt/coracle-lab -o -path root/.kube'
find $places -xdev \( $own \) -prune -o -type f -exec sha256sum {} + | sort -k 2
find $places -xdev \( $own \) -prune -o -printf '%p %y %m %u:%g %l\n' | sort
ls -d /run/coracle.* /dev/shm/coracle.* /var/tmp/coracle.* /tmp/coracle.* 2>/dev/null || :
";

/// What differs between two pictures, `+` for what has come and `-` for what has gone.
pub(crate) fn changes(before: &[String], after: &[String]) -> Vec<String> {
    let only = |of: &[String], not: &[String], sign: &str| -> Vec<String> {
        let not: BTreeSet<_> = not.iter().collect();
        of.iter().filter(|line| !not.contains(line)).map(|line| format!("{sign} {line}")).collect()
    };
    [only(before, after, "-"), only(after, before, "+")].concat()
}

/// Runs a command of the lab; its failure is the story's.
pub(crate) fn lab(args: &[&str]) {
    let done = command(args).output().unwrap();
    assert!(done.status.success(), "lab {args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(root().join("lab/lab"));
    command.args(args).stdin(Stdio::null());
    command
}

/// The project's directory.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Looks again until it is so; a minute and a half is the end of patience.
pub(crate) fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_secs(90), "it never came to be: {what}");
        thread::sleep(Duration::from_millis(100));
    }
}
