//! A change to sshd that would shut the operator out.

use rustix::process::Signal;

use crate::{
    file::ClusterFile,
    lab::{Host, Lab, Lent, until},
    operator::{Operator, Running, ended},
};

const DROP_IN: &str = "/etc/ssh/sshd_config.d/20-mine.conf";

#[test]
fn what_would_shut_the_operator_out_is_taken_back_and_refused() {
    let Some((operator, lent)) = scene("guard-refused", "curl") else { return };
    let host = &lent.hosts[0];
    let done = operator.ends(77, &["apply", "--yes"]);
    done.tells(&[&host.name, "prove access", "authentication failed"]);
    as_before(&operator, host);
    mended(&operator, host);
    operator.leaves_no_secret(&lent);
}

#[test]
fn it_is_taken_back_when_coracle_is_killed_right_after_the_change() {
    let Some((operator, lent)) = scene("guard-killed", "doas") else { return };
    let host = &lent.hosts[0];
    let apply = changed(&operator);
    apply.signal(Signal::KILL);
    assert_eq!(apply.wait().code, None);
    assert!(!lets_in(&operator, host), "it never was shut out");
    until("the operator is let in again", || lets_in(&operator, host));
    as_before(&operator, host);
    mended(&operator, host);
    operator.leaves_no_secret(&lent);
}

#[test]
fn it_is_taken_back_before_sshd_starts_when_the_host_boots_inside_the_window() {
    booted("guard-booted", "curl");
}

#[test]
fn and_so_it_is_under_openrc() {
    booted("guard-openrc", "openrc");
}

fn booted(story: &str, kind: &str) {
    let Some((operator, lent)) = scene(story, kind) else { return };
    let host = &lent.hosts[0];
    let apply = changed(&operator);
    host.befall(&["reboot", "--now"]);
    assert!(lets_in(&operator, host), "sshd has read the change");
    apply.wait().ends(77).tells(&[&host.name, "prove access"]);
    as_before(&operator, host);
    mended(&operator, host);
    operator.leaves_no_secret(&lent);
}

/// A host whose file says that `ops`, the operator, is not let in.
fn scene(story: &str, kind: &str) -> Option<(Operator, Lent)> {
    let lab = Lab::find()?;
    let lent = lab.lend(&[kind]);
    let operator = Operator::new(lab, story);
    operator.wants(&file(lab, &lent.hosts[0], "DenyUsers ops"));
    Some((operator, lent))
}

fn file(lab: &Lab, host: &Host, line: &str) -> ClusterFile {
    let drop_in = format!("files: [{{path: {DROP_IN}, content: \"{line}\\n\"}}]");
    ClusterFile::new(lab, "guarded").server("ops", host).os(&drop_in)
}

/// A run that has just made sshd read the change.
fn changed(operator: &Operator) -> Running {
    let mut apply = operator.start(&["apply", "--yes", "-o", "json"], "");
    apply.hears(|event| ended(event, "reload sshd")).expect("sshd reads the change");
    apply
}

/// Whether the operator's own user gets in.
fn lets_in(operator: &Operator, host: &Host) -> bool {
    operator.ssh(&format!("ops@{}", host.name), "true")
}

fn as_before(operator: &Operator, host: &Host) {
    assert!(lets_in(operator, host), "the operator is shut out");
    assert_eq!(host.file(DROP_IN), None);
}

/// The corrected file is carried out, and its sshd is the one that runs.
fn mended(operator: &Operator, host: &Host) {
    operator.wants(&file(operator.lab, host, "DenyUsers nobody"));
    operator.ends(0, &["apply", "--yes"]);
    assert_eq!(host.sh("sshd -T | grep -i denyusers"), "denyusers nobody");
    operator.ends(0, &["plan"]);
}
