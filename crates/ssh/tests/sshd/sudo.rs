//! The ways to root, with users made for the test: only as root, and only where `CORACLE_TEST_USERS` allows it.

use std::{
    process::{Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

use model::{
    fault::{Cause, HostFault},
    port::Access as _,
};
use ssh::{Destination, Ssh};

use crate::{
    is_root,
    server::{Server, host},
    with_server,
};

/// A user with the password `sesame`, and what sudo or doas let him do; both go with this.
struct User {
    name: String,
    rules: Vec<(&'static str, String)>,
    /// The system's list of users takes one change at a time.
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::new(());

impl User {
    fn make(tag: &str) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("coracle-{tag}-{}", std::process::id());
        run(&["useradd", "--create-home", "--shell", "/bin/sh", &name], "");
        run(&["chpasswd"], &format!("{name}:sesame\n"));
        Self { name, rules: Vec::new(), _alone: alone }
    }

    fn sudo(self, rule: &str) -> Self {
        let path = format!("/etc/sudoers.d/{}", self.name);
        std::fs::write(&path, format!("{} ALL=(ALL) {rule}\n", self.name)).expect("written");
        self
    }

    fn doas(mut self, rule: &str) -> Self {
        let before = std::fs::read_to_string("/etc/doas.conf").unwrap_or_default();
        std::fs::write("/etc/doas.conf", format!("{before}{}\n", rule.replace("USER", &self.name)))
            .expect("written");
        self.rules.push(("/etc/doas.conf", before));
        self
    }

    async fn prove(&self, server: &Server, password: Option<&str>) -> Result<(), HostFault> {
        let mut to: Destination = server.destination(Some(server.key()));
        to.target.user = Some(self.name.clone());
        let password = password.map(|text| model::secret::Secret::new(text.as_bytes().to_vec()));
        let ssh = Ssh::new(server.settings(""), [to], password).expect("a private directory");
        ssh.prove(&host()).await
    }
}

impl Drop for User {
    fn drop(&mut self) {
        for (path, before) in &self.rules {
            let put_back =
                if before.is_empty() { std::fs::remove_file(path) } else { std::fs::write(path, before) };
            put_back.expect("it is ours to write");
        }
        // There may be none.
        let _ = std::fs::remove_file(format!("/etc/sudoers.d/{}", self.name));
        run(&["userdel", "--force", "--remove", &self.name], "");
    }
}

fn run(words: &[&str], input: &str) {
    use std::io::Write as _;
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdin(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("it runs");
    child.stdin.take().expect("it is piped").write_all(input.as_bytes()).expect("it reads");
    assert!(child.wait().expect("it ends").success(), "{words:?}");
}

/// Whether users may be made here, and this program is installed.
fn may_make_users(program: &str) -> bool {
    let may = std::env::var_os("CORACLE_TEST_USERS").is_some() && is_root();
    let there =
        Command::new(program).arg("-V").output().is_ok() || Command::new(program).arg("-C").output().is_ok();
    if !may || !there {
        eprintln!("skipped: CORACLE_TEST_USERS is not set, or {program} is not installed");
    }
    may && there
}

fn cause(proven: Result<(), HostFault>) -> Option<Cause> {
    proven.err().map(|fault| fault.cause)
}

#[test]
fn sudo_without_a_password_takes_a_given_one_for_noise() {
    if !may_make_users("sudo") {
        return;
    }
    with_server("", async |server| {
        let user = User::make("free").sudo("NOPASSWD: ALL");
        assert_eq!(user.prove(&server, None).await, Ok(()));
        assert_eq!(user.prove(&server, Some("anything")).await, Ok(()));
    });
}

#[test]
fn sudo_with_a_password_takes_the_right_one_on_standard_input() {
    if !may_make_users("sudo") {
        return;
    }
    with_server("", async |server| {
        let user = User::make("asked").sudo("ALL");
        assert_eq!(user.prove(&server, Some("sesame")).await, Ok(()));
        assert_eq!(cause(user.prove(&server, None).await), Some(Cause::RootPassword));
        let wrong = user.prove(&server, Some("abracadabra")).await.expect_err("it is wrong");
        assert_eq!(
            wrong,
            HostFault::new(Cause::RootPassword, "sudo does not take the password that was given")
        );
    });
}

#[test]
fn a_user_whom_sudo_does_not_know_cannot_become_root() {
    if !may_make_users("sudo") {
        return;
    }
    with_server("", async |server| {
        let user = User::make("plain");
        assert_eq!(cause(user.prove(&server, Some("sesame")).await), Some(Cause::NoRoot));
    });
}

#[test]
fn doas_is_taken_where_it_lets() {
    if !may_make_users("doas") {
        return;
    }
    with_server("", async |server| {
        let user = User::make("doas").doas("permit nopass USER");
        assert_eq!(user.prove(&server, None).await, Ok(()));
        assert_eq!(user.prove(&server, Some("anything")).await, Ok(()));
    });
}
