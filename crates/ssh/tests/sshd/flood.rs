//! Hosts that answer garbage, for ever, or drop by drop. Each is a named error, and none fills the memory. The ssh client
//! is a script that says what such a host would.

use std::{fs, os::unix::fs::PermissionsExt as _};

use model::{
    SshTarget,
    condition::Condition,
    fault::{Cause, HostFault},
    op::{HostOp, Survey},
    plan::StepId,
    port::{Exec, ExecStep, Hosts as _},
};
use ssh::{Destination, Settings, Ssh};

use crate::server::{hasty, host};

/// Looks at a host that answers as this script does. `$n` is what lines of the protocol begin with.
fn answered_by(script: &str) -> HostFault {
    let dir = tempfile::tempdir().expect("a directory");
    let program = dir.path().join("ssh");
    let nonce = "n=$(tr '\\0' '\\n' | sed -n 's/^n=//p' | tail -n 1)";
    fs::write(&program, format!("#!/bin/sh\necho; echo coracle ready\n{nonce}\n{script}\n"))
        .expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("made executable");
    let settings = Settings { program, limits: hasty(), ..Settings::new(dir.path()) };
    let target = SshTarget { user: Some("root".into()), host: "192.0.2.1".into(), port: None };
    let ssh =
        Ssh::new(settings, [Destination { name: host(), target, key: None }], None).expect("a directory");
    let op = HostOp::Observe(Survey::default());
    let step =
        ExecStep { id: StepId::parse("look"), op, was: Condition::Holds, own: None, bodies: Vec::new() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let work = async { ssh.exec(&host(), Exec { steps: vec![step] }, &mut |_| {}).await };
    runtime.block_on(work).expect_err("that is no answer")
}

#[test]
fn garbage_without_end_is_silence() {
    let fault = answered_by("exec yes garbage");
    assert_eq!(fault.cause, Cause::TimedOut, "{fault:?}");
    assert!(fault.detail.contains("not an answer"), "{fault:?}");
}

#[test]
fn a_line_without_end_is_silence() {
    assert_eq!(answered_by("exec tr '\\0' x </dev/zero").cause, Cause::TimedOut);
}

#[test]
fn an_answer_that_comes_drop_by_drop_is_silence() {
    assert_eq!(answered_by("while printf x; do sleep 0.1; done").cause, Cause::TimedOut);
}

#[test]
fn words_that_mean_nothing_here_are_not_listened_to() {
    let fault = answered_by("exec yes \"$n what\"");
    assert_eq!(fault.cause, Cause::Garbled, "{fault:?}");
}

#[test]
fn evidence_without_end_is_cut_short() {
    let fault = answered_by("echo \"$n b 0\"\nexec yes \"$n o f\"");
    assert_eq!(fault.cause, Cause::Garbled, "{fault:?}");
    assert!(fault.detail.contains("too long"), "{fault:?}");
}

#[test]
fn a_host_that_complains_without_end_is_not_waited_for() {
    assert_eq!(answered_by("(exec yes complaint >&2)").cause, Cause::TimedOut);
}
