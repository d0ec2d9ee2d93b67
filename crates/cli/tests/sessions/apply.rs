//! `coracle apply` and its kin where no host can be reached.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    process::Stdio,
};

use crate::desk::{Desk, SMALL};

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

/// A desk whose ssh client does this.
fn with_ssh(script: &str) -> Desk {
    let desk = Desk::with(SMALL);
    let ssh = desk.path("bin/ssh");
    fs::create_dir(desk.path("bin")).expect("the desk can be written on");
    fs::write(&ssh, format!("#!/bin/sh\n{script}\n")).expect("the desk can be written on");
    fs::set_permissions(ssh, fs::Permissions::from_mode(0o755)).expect("it is ours");
    desk
}

#[test]
fn without_an_ssh_client_every_verb_says_so_and_exits_69() {
    let desk = Desk::with(SMALL);
    for args in [
        &["plan"][..],
        &["apply", "--yes"],
        &["status"],
        &["kubeconfig"],
        &["destroy", "--confirm", "harbor"],
        &["rehearse", "--from", "live"],
    ] {
        let done = desk.run(args);
        assert_eq!(done.code, 69, "{args:?}: {}", done.err);
        assert!(done.err.contains("harbor-1") && done.err.contains("ssh client failed"), "{}", done.err);
    }
}

#[test]
fn a_refused_key_or_login_exits_77() {
    // The adaptor reads the client's log, whose name follows -E.
    let refuse = |words: &str| {
        format!(
            "while [ $# -gt 0 ]; do [ \"$1\" = -E ] && log=$2; shift; done; echo '{words}' >\"$log\"; exit 255"
        )
    };
    for words in ["root@192.168.1.11: Permission denied (publickey).", "Host key verification failed."] {
        let done = with_ssh(&refuse(words)).run(&["apply", "--yes"]);
        assert_eq!(done.code, 77, "{words}: {}", done.err);
    }
}

#[test]
fn the_journal_of_a_failed_run_is_named_and_private() {
    let desk = Desk::with(SMALL);
    let done = desk.run(&["apply", "--yes"]);
    let dir = desk.path("home/.local/state/coracle/harbor");
    let files: Vec<_> =
        fs::read_dir(&dir).expect("a journal").map(|entry| entry.expect("a file").path()).collect();
    assert_eq!((files.len(), mode(&dir), mode(&files[0])), (1, 0o700, 0o600));
    assert!(done.err.contains(&format!("journal: {}", files[0].display())), "{}", done.err);
    let text = fs::read_to_string(&files[0]).expect("it is ours");
    assert!(text.lines().last().is_some_and(|line| line.contains("\"over\"")), "{text}");
}

#[test]
fn an_interrupt_ends_cleanly_with_130() {
    // The client waits for somebody to open the other end of its pipe.
    let desk = with_ssh("read never <\"$0.pipe\"");
    let pipe = desk.path("bin/ssh.pipe");
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, rustix::fs::Mode::RUSR, 0).expect("a pipe");
    let mut command = desk.command(&["apply", "--yes", "-o", "json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("coracle starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it was piped")).lines();
    let observing = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("observing")));
    assert!(observing.is_some(), "it begins to look");
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it runs");
    let rest: Vec<_> = lines.map_while(Result::ok).collect();
    let output = child.wait_with_output().expect("it ends");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{err}");
    assert!(rest.iter().any(|line| line.contains("\"interrupted\"")), "{rest:?}");
}

#[test]
fn a_plan_file_that_is_not_as_it_was_saved_is_refused_before_any_host_is_asked() {
    let whole = |version: u32| {
        format!(
            r#"{{"plan":{{"version":{version},"cluster":"harbor","fingerprint":{{}},"servers":[],"steps":[]}},"machines":{{}},"digest":"{}"}}"#,
            "0".repeat(64)
        )
    };
    let files = [
        (whole(1), "its digest differs"),
        (whole(2), "it has version 2; this coracle knows version 1"),
        (whole(1).replace("\"servers\":[],", ""), "missing field `servers`"),
        (whole(1)[..60].to_owned(), "EOF while parsing"),
        (String::new(), "EOF while parsing"),
        ("kind: Cluster\n".to_owned(), "expected value"),
    ];
    for (text, why) in files {
        let desk = Desk::with(SMALL);
        desk.write("the.plan", &text);
        let done = desk.run(&["apply", "the.plan", "--yes"]);
        assert_eq!(done.code, 65, "{text}: {}", done.err);
        assert!(done.err.contains("the.plan") && done.err.contains(why), "{}", done.err);
        assert!(done.err.contains("coracle plan --out"), "{}", done.err);
    }
}

#[test]
fn kubeconfig_says_why_no_server_answers_and_does_not_send_anybody_to_apply() {
    let refuse = "while [ $# -gt 0 ]; do [ \"$1\" = -E ] && log=$2; shift; done; \
                  echo 'ssh: connect to host 192.168.1.11 port 22: Connection refused' >\"$log\"; exit 255";
    let done = with_ssh(refuse).run(&["kubeconfig"]);
    assert_eq!(done.code, 69, "{}", done.err);
    assert!(done.err.contains("no server of harbor answers"), "{}", done.err);
    assert_eq!(done.err.matches("check that sshd runs there").count(), 1, "{}", done.err);
    assert!(!done.err.contains("coracle apply"), "{}", done.err);
}

#[test]
fn init_that_reaches_no_host_writes_nothing() {
    let desk = Desk::new();
    let done = desk.run(&["init", "root@192.168.1.11", "root@192.168.1.12"]);
    assert_eq!(done.code, 69, "{}", done.err);
    assert!(done.err.contains("no host could be looked at; nothing was written"), "{}", done.err);
    assert!(done.err.contains("--offline"), "{}", done.err);
    assert!(!desk.path("coracle.yaml").exists() && !desk.path("coracle.lock").exists());
}

#[test]
fn a_dry_run_is_called_plan_here() {
    for flag in ["--dry-run", "--dry-run=client", "--check", "--diff"] {
        let done = Desk::with(SMALL).run(&["apply", flag]);
        assert_eq!(done.code, 64, "{flag}: {}", done.err);
        assert!(done.err.contains("tip: `coracle plan` shows what would change"), "{flag}: {}", done.err);
        assert!(!done.err.contains("-- --"), "{flag}: {}", done.err);
    }
}

#[test]
fn files_without_measure_are_refused_before_any_host_is_asked() {
    let desk = Desk::with(SMALL);
    for name in ["the.plan", "large.yaml"] {
        let file = fs::File::create(desk.path(name)).expect("the desk can be written on");
        file.set_len(100 << 20).expect("a hole takes no room");
    }
    for args in [&["apply", "the.plan", "--yes"][..], &["-f", "large.yaml", "check"]] {
        let done = desk.run(args);
        assert!(done.code == 65 && done.err.contains("is larger than 64 MiB"), "{args:?}: {}", done.err);
    }
}

#[test]
fn a_state_directory_that_cannot_be_written_is_said_and_stops_nothing() {
    // Not even root makes a directory there.
    let done = Desk::with(SMALL).env("XDG_STATE_HOME", "/proc/nowhere").run(&["apply", "--yes"]);
    assert_eq!(done.code, 69, "the host is still asked: {}", done.err);
    assert!(done.err.contains("no journal of this run: cannot write /proc/nowhere"), "{}", done.err);
}
