//! Whatever a path, a content or a link's target is made of, it arrives as it was and is told as it is.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "tests run real shells on real files, and name what is absent"
)]

mod ground;

use std::{fs, process::Command, process::Stdio};

use ground::{Ground, shells, step};
use host::{Escalation, encode_in, remote};
use model::{
    digest::Sha256,
    facts::{Content as Fact, FileFact, FileMeta},
    op::{HostOp, Look, Survey},
    port::{Body, Exec},
    reply::{Said, StepReply},
    secret::{Content, Secret},
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

/// A name that a file can have: anything but `/` and NUL, not too long, not `.` or `..`.
fn name() -> impl Strategy<Value = String> {
    let odd = prop_oneof![
        any::<String>(),
        "[ -~\n\t]{1,20}",
        Just("-rf $(reboot) `x` 'y' \"z\" \\0101 %s | ; &".to_owned()),
        Just("ends with newline\n".to_owned()),
    ];
    odd.prop_map(|name| name.replace(['/', '\0'], "_").chars().take(40).collect::<String>())
        .prop_filter("no name", |name| !name.is_empty() && name != "." && name != "..")
}

/// Link targets that are told in one line end where the line does.
fn target() -> impl Strategy<Value = String> {
    name()
        .prop_map(|target| target.trim_end_matches('\n').to_owned())
        .prop_filter("empty", |text| !text.is_empty())
}

#[test]
fn any_path_and_content_survives_the_way_there_and_back() {
    for shell in shells() {
        let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
        let ways = (name(), prop::collection::vec(any::<u8>(), 0..300), target(), any::<bool>());
        let mut runner = TestRunner::new(config);
        runner
            .run(&ways, |(name, bytes, target, secret)| {
                there_and_back(&Ground::new(shell), &name, &bytes, &target, secret)
            })
            .unwrap_or_else(|why| panic!("{}: {why}", shell.name));
    }
}

fn there_and_back(
    ground: &Ground,
    name: &str,
    bytes: &[u8],
    target: &str,
    secret: bool,
) -> Result<(), TestCaseError> {
    fs::create_dir_all(ground.path("/run/systemd/system")).expect("room");
    if bytes.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0x0b) {
        return Err(TestCaseError::reject("an empty secret is none, and cannot be read back"));
    }
    let (owner, group) = ground::whoami();
    let meta = FileMeta { mode: 0o640, owner, group };
    let path = format!("/etc/d/{name}");
    let link = format!("/etc/l/{name}");
    let put = step(
        HostOp::PutFile { path: path.clone(), meta: meta.clone(), content: Content::text(""), later: None },
        vec![Body { bytes: Secret::new(bytes.to_vec()), secret }],
    );
    let put_link = step(HostOp::PutLink { path: link.clone(), target: target.to_owned() }, Vec::new());
    let mut survey = Survey::default();
    survey.paths.insert(path.clone(), Look::Digest);
    survey.paths.insert(link.clone(), Look::Digest);
    let read = step(HostOp::ReadSecret { path: path.clone() }, Vec::new());
    let steps = vec![put, put_link, read, step(HostOp::Observe(survey), Vec::new())];
    let (said, verdict) = ground.exec(&Exec { steps });
    prop_assert_eq!(verdict, Ok(()));
    let replies: Vec<_> = said
        .into_iter()
        .filter_map(|said| match said {
            Said::Ended(_, reply) => Some(reply),
            Said::Began(_) => None,
        })
        .collect();
    let [
        StepReply::Changed,
        StepReply::Changed,
        StepReply::Secret { secret, .. },
        StepReply::Observed(facts, _),
    ] = replies.as_slice()
    else {
        return Err(TestCaseError::fail(format!("{replies:?}")));
    };
    prop_assert_eq!(secret.expose(), bytes);
    prop_assert_eq!(fs::read(ground.path(&path)).expect("it is there"), bytes);
    let files = &facts.stable.files;
    prop_assert_eq!(&files[&path], &FileFact::File { meta, content: Fact::Digest(Sha256::of(bytes)) });
    prop_assert_eq!(&files[&link], &FileFact::Link { target: target.to_owned() });
    Ok(())
}

#[test]
fn every_login_shell_passes_the_remote_command_on() {
    let ground = Ground::new(shells()[0]);
    fs::create_dir_all(ground.path("/run/systemd/system")).expect("room");
    for login in ["dash", "bash", "busybox", "zsh", "fish", "csh", "tcsh", "ksh"] {
        let exec = Exec { steps: vec![step(HostOp::Observe(Survey::default()), Vec::new())] };
        let (input, mut decoder) = encode_in(&ground.tree(), &exec, None).expect("sendable");
        let mut command = Command::new(login);
        if login == "busybox" {
            command.arg("sh");
        }
        // As sshd calls it.
        command.arg("-c").arg(remote(Escalation::Root)).stdin(Stdio::piped()).stdout(Stdio::piped());
        let Ok(mut child) = command.spawn() else {
            println!("not here, not tested: {login} as login shell");
            continue;
        };
        let mut stdin = child.stdin.take().expect("piped");
        std::io::Write::write_all(&mut stdin, input.archive.expose()).expect("it reads");
        drop(stdin);
        let output = child.wait_with_output().expect("ours");
        let mut said = Vec::new();
        decoder.feed(&output.stdout, &mut |word| said.push(word));
        let verdict = decoder.finish(output.status.code(), &output.stderr, &mut |_| {});
        assert_eq!((verdict, said.len()), (Ok(()), 2), "{login}");
    }
}
