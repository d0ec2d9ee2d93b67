//! The protocol against real shells: what arrives broken, who interrupts, what lies around.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests run real shells on real files"
)]

mod ground;

use std::{fs, os::unix::fs::symlink, process::Command, process::Stdio};

use ground::{Ground, shells, step};
use host::{Decoder, Escalation, Input, encode_in, remote};
use model::{
    condition::Condition,
    facts::{Content as Fact, FileFact, FileMeta},
    fault::{Cause, HostFault},
    op::{Guard, HostOp, Look, Survey},
    port::{Body, Exec, ExecStep},
    reply::{FailureKind, Said, StepReply},
    resource::{Kind, ResourceId},
    secret::{Content, Secret},
};

fn put(path: &str, bytes: &[u8]) -> ExecStep {
    let (owner, group) = ground::whoami();
    let meta = FileMeta { mode: 0o644, owner, group };
    let op = HostOp::PutFile { path: path.to_owned(), meta, content: Content::text(""), later: None };
    step(op, vec![Body { bytes: Secret::new(bytes.to_vec()), secret: false }])
}

fn one(step: ExecStep) -> Exec {
    Exec { steps: vec![step] }
}

fn fresh(shell: ground::Shell) -> Ground {
    let ground = Ground::new(shell);
    fs::create_dir_all(ground.path("/run/systemd/system")).expect("room");
    ground.write("/proc/sys/kernel/hostname", "harbor-1\n");
    symlink("/proc/uptime", ground.path("/proc/uptime")).expect("room");
    ground
}

fn hear(
    mut decoder: Decoder,
    (status, stdout, stderr): (Option<i32>, Vec<u8>, Vec<u8>),
) -> (Vec<Said>, Result<(), HostFault>) {
    let mut said = Vec::new();
    decoder.feed(&stdout, &mut |word| said.push(word));
    let verdict = decoder.finish(status, &stderr, &mut |word| said.push(word));
    (said, verdict)
}

fn cause(verdict: Result<(), HostFault>) -> Option<Cause> {
    verdict.err().map(|fault| fault.cause)
}

#[test]
fn nothing_runs_unless_everything_arrived() {
    for shell in shells() {
        let ground = fresh(shell);
        let send = |bytes: &dyn Fn(&Input) -> Vec<u8>| {
            let (input, decoder) =
                encode_in(&ground.tree(), &one(put("/etc/motd", b"x")), None).expect("sendable");
            hear(decoder, ground.raw(Escalation::Root, &bytes(&input)))
        };
        let cut = |at: usize| move |input: &Input| input.archive.expose()[..at].to_vec();
        let last = send(&|input| input.archive.expose()[..input.archive.expose().len() - 1].to_vec());
        let flipped = send(&|input| {
            let mut bytes = input.archive.expose().to_vec();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            bytes
        });
        for (said, verdict) in [send(&cut(0)), send(&cut(10)), send(&cut(400)), last] {
            assert_eq!((said, cause(verdict)), (Vec::new(), Some(Cause::Lost)));
        }
        assert_eq!((flipped.0, cause(flipped.1)), (Vec::new(), Some(Cause::Garbled)));
        assert!(!ground.path("/etc/motd").exists());
    }
}

#[test]
fn a_password_that_nobody_asked_for_is_passed_over() {
    for shell in shells() {
        let ground = fresh(shell);
        let password = Secret::new(b"it's a \\ pass word".to_vec());
        let (input, decoder) =
            encode_in(&ground.tree(), &one(put("/etc/motd", b"x")), Some(&password)).expect("sendable");
        let line = input.password.expect("one was given");
        let stdin = [line.expose(), input.archive.expose()].concat();
        let (said, verdict) = hear(decoder, ground.raw(Escalation::Root, &stdin));
        assert_eq!(verdict, Ok(()));
        assert!(matches!(said.last(), Some(Said::Ended(_, StepReply::Changed))), "{said:?}");
    }
}

#[test]
fn a_banner_before_the_protocol_is_noise() {
    for shell in shells() {
        let ground = fresh(shell);
        let (input, decoder) =
            encode_in(&ground.tree(), &one(put("/etc/motd", b"x")), None).expect("sendable");
        let (status, stdout, stderr) = ground.raw(Escalation::Root, input.archive.expose());
        let noisy = [b"Welcome!\ncoracle?\xff\xfe no newline".to_vec(), stdout].concat();
        let (said, verdict) = hear(decoder, (status, noisy, stderr));
        assert_eq!((said.len(), verdict), (2, Ok(())));
    }
}

#[test]
fn the_first_failure_ends_the_exec() {
    for shell in shells() {
        let ground = fresh(shell);
        ground.write("/etc/motd/x", "");
        let steps = vec![put("/etc/a", b"a"), put("/etc/motd", b"b"), put("/etc/c", b"c")];
        let (said, verdict) = ground.exec(&Exec { steps });
        assert_eq!(verdict, Ok(()));
        assert_eq!(said.len(), 4);
        assert!(
            matches!(&said[3], Said::Ended(_, StepReply::Failed(why)) if why.kind == FailureKind::Conflict)
        );
        assert!(ground.path("/etc/a").exists() && !ground.path("/etc/c").exists());
    }
}

#[test]
fn a_script_outlives_its_operator_and_the_next_one_is_told() {
    for shell in shells() {
        let ground = fresh(shell);
        // It stops at a pipe until this test lets it go on.
        let gate = ground.path("/gate");
        assert!(Command::new("mkfifo").arg(&gate).status().expect("it runs").success());
        ground.tool("modprobe", "read -r _ <\"$ROOT/gate\"; mkdir -p \"$ROOT/sys/module/$1\"\n");
        let load = || one(step(HostOp::LoadModules { names: vec!["slow".to_owned()] }, Vec::new()));
        let (input, _) = encode_in(&ground.tree(), &load(), None).expect("sendable");
        let mut operator = ground.operator(&remote(Escalation::Root));
        let mut stdin = operator.stdin.take().expect("piped");
        let mut stdout = operator.stdout.take().expect("piped");
        std::io::Write::write_all(&mut stdin, input.archive.expose()).expect("it reads");
        drop(stdin);
        read_until(&mut stdout, b" b 0\n");
        operator.kill().expect("ours");
        operator.wait().expect("ours");
        drop(stdout);

        let (said, verdict) = ground.exec(&one(put("/etc/motd", b"x")));
        let fault = verdict.expect_err("the first still runs");
        assert_eq!((said, fault.cause, fault.detail.as_str()), (Vec::new(), Cause::Busy, "load-modules"));

        // What is seen now would be out of date at once.
        let look = || step(HostOp::Observe(Survey::default()), Vec::new());
        let (_, verdict) = ground.exec(&one(look()));
        assert_eq!(verdict.expect_err("the first still runs").cause, Cause::Busy);

        fs::write(&gate, "go\n").expect("somebody reads");
        let mut patient = ground.tree();
        patient.patience = 60;
        let (input, decoder) = encode_in(&patient, &load(), None).expect("sendable");
        let (said, verdict) = hear(decoder, ground.raw(Escalation::Root, input.archive.expose()));
        assert_eq!(verdict, Ok(()));
        assert!(matches!(said.last(), Some(Said::Ended(_, StepReply::Unchanged))), "it was done: {said:?}");
        assert!(matches!(ground.ask(look()), StepReply::Observed(..)), "looking leaves no lock behind");
        assert!(!ground.path("/run/coracle/exec").exists());
    }
}

fn read_until(from: &mut impl std::io::Read, end: &[u8]) {
    let mut heard = Vec::new();
    let mut byte = [0];
    while !heard.ends_with(end) {
        assert_eq!(from.read(&mut byte).expect("open"), 1, "{}", String::from_utf8_lossy(&heard));
        heard.push(byte[0]);
    }
}

#[test]
fn the_lock_of_a_dead_script_is_taken_over() {
    for shell in shells() {
        let ground = fresh(shell);
        // A process that ran, and one whose number was given to another since.
        for stale in [format!("{} 1\n", dead_process()), format!("{} 1\n", std::process::id())] {
            ground.write("/run/coracle/exec", stale);
            let reply = ground.ask(put("/etc/motd", b"x"));
            assert!(matches!(reply, StepReply::Changed | StepReply::Unchanged), "{reply:?}");
            assert!(!ground.path("/run/coracle/exec").exists(), "given up at the end");
        }
    }
}

fn dead_process() -> u32 {
    let mut child = Command::new("true").stdin(Stdio::null()).spawn().expect("it runs");
    child.wait().expect("ours");
    child.id()
}

#[test]
fn a_guard_fires_by_itself_when_its_time_is_over() {
    for shell in shells() {
        let ground = fresh(shell);
        ground.write("/etc/ssh/sshd_config", "before\n");
        ground.write("/fake/units/ssh", "1 1\n");
        ground.write("/fake/log", "");
        // It reloads when all is given back, through the pipe that this test waits at; once more if the script that armed it
        // was still there.
        let done = ground.path("/done");
        assert!(Command::new("mkfifo").arg(&done).status().expect("it runs").success());
        ground.tool(
            "systemctl",
            "[ \"$1\" = reload-or-restart ] && mkdir \"$ROOT/told\" && echo \"$*\" >\"$ROOT/done\"\n",
        );
        let guard = Guard {
            id: "now".to_owned(),
            init: model::facts::Init::Systemd,
            window: 0,
            paths: vec!["/etc/ssh/sshd_config".to_owned(), "/etc/ssh/new".to_owned()],
            service: "ssh".to_owned(),
        };
        let arm = step(HostOp::ArmGuard(guard), Vec::new());
        ground.write("/etc/ssh/new", "was there too\n");
        assert_eq!(ground.ask(arm), StepReply::Changed);
        assert_eq!(fs::read_to_string(&done).expect("it reloads"), "reload-or-restart ssh\n");
        let disarm = step(HostOp::DisarmGuard { id: "now".to_owned() }, Vec::new());
        let reply = ground.ask(disarm);
        assert!(matches!(&reply, StepReply::Failed(why) if why.kind == FailureKind::GuardFired), "{reply:?}");
    }
}

/// A host stood still for longer than the guard's window: its script wakes in the middle of the change, and the revert with it.
#[test]
fn what_a_script_changes_after_its_revert_has_fired_is_not_begun_or_taken_back() {
    for shell in shells() {
        let ground = fresh(shell);
        ground.write("/etc/ssh/late", "before\n");
        ground.write("/fake/units/ssh", "1 1\n");
        ground.write("/fake/log", "");
        let (gate, done) = (ground.path("/gate"), ground.path("/done"));
        assert!(Command::new("mkfifo").args([&gate, &done]).status().expect("it runs").success());
        // The step that is under way when the revert fires ends with a change that the revert has already given back.
        ground.tool("modprobe", "read -r _ <\"$ROOT/gate\"; echo late >\"$ROOT/etc/ssh/late\"\n");
        ground.tool("systemctl", "case $1 in reload-or-restart) echo \"$*\" >\"$ROOT/done\" ;; esac\n");
        let guard = Guard {
            id: "slept".to_owned(),
            init: model::facts::Init::Systemd,
            window: 0,
            paths: vec!["/etc/ssh/late".to_owned(), "/etc/ssh/later".to_owned()],
            service: "ssh".to_owned(),
        };
        let steps = vec![
            step(HostOp::ArmGuard(guard), Vec::new()),
            step(HostOp::LoadModules { names: vec!["slow".to_owned()] }, Vec::new()),
            put("/etc/ssh/later", b"later"),
        ];
        let once = || fs::read_to_string(&done).expect("it reloads");
        let (said, verdict) = std::thread::scope(|scope| {
            let script = scope.spawn(|| ground.exec(&Exec { steps }));
            assert_eq!(once(), "reload-or-restart ssh\n");
            assert_eq!(ground.read("/etc/ssh/late").as_deref(), Some(&b"before\n"[..]));
            fs::write(&gate, "go\n").expect("somebody reads");
            script.join().expect("it ends")
        });
        assert_eq!(verdict, Ok(()));
        let last = said.last();
        assert!(
            matches!(last, Some(Said::Ended(_, StepReply::Failed(why))) if why.kind == FailureKind::GuardFired),
            "{last:?}"
        );
        assert_eq!(once(), "reload-or-restart ssh\n");
        assert_eq!(ground.read("/etc/ssh/late").as_deref(), Some(&b"before\n"[..]));
        assert!(!ground.path("/etc/ssh/later").exists());
    }
}

#[test]
fn what_a_revert_gives_back_is_owned_again_and_keeps_what_was_there_before_coracle() {
    for shell in shells() {
        let ground = fresh(shell);
        let path = "/etc/ssh/sshd_config.d/mine";
        let resource = ResourceId::new(Kind::File, path);
        let restore = || step(HostOp::Restore { resource: resource.clone() }, Vec::new());
        ground.write(path, "theirs\n");
        ground.write("/fake/log", "");
        let mut ours = put(path, b"ours\n");
        ours.own = Some(resource.clone());
        assert_eq!(ground.ask(ours), StepReply::Changed);
        let guard = Guard {
            id: "later".to_owned(),
            init: model::facts::Init::Systemd,
            window: 600,
            paths: vec![path.to_owned()],
            service: "ssh".to_owned(),
        };
        assert_eq!(ground.ask(step(HostOp::ArmGuard(guard), Vec::new())), StepReply::Changed);
        assert_eq!(ground.ask(restore()), StepReply::Changed);
        assert_eq!(ground.read(path).as_deref(), Some(&b"theirs\n"[..]));
        assert_eq!(ground.ask(restore()), StepReply::Unchanged);

        ground.boot();
        assert_eq!(ground.read(path).as_deref(), Some(&b"ours\n"[..]));
        assert_eq!(ground.ask(restore()), StepReply::Changed);
        assert_eq!(ground.read(path).as_deref(), Some(&b"theirs\n"[..]));
    }
}

#[test]
fn keyed_digests_are_hmac_sha256_and_serve_as_conditions() {
    for shell in shells() {
        let ground = fresh(shell);
        ground.write("/etc/ssh/ssh_host_ed25519_key", "private\n");
        ground.write("/etc/secret", "s3cret\n");
        let key = model::digest::Sha256::of(b"coracle\nprivate\n");
        let plain = model::digest::Sha256::of(b"s3cret\n");
        let wanted = hmac(key.as_str().as_bytes(), plain.as_str().as_bytes());

        let look = |wanted: &[u8]| {
            let mut survey = Survey::default();
            survey.paths.insert("/etc/secret".to_owned(), Look::Secret(Some(Content::text(""))));
            let body = Body { bytes: Secret::new(wanted.to_vec()), secret: true };
            match ground.ask(step(HostOp::Observe(survey), vec![body])) {
                StepReply::Observed(facts, _) => facts.stable.files["/etc/secret"].clone(),
                other => panic!("{other:?}"),
            }
        };
        let seen = look(b"s3cret\n");
        let FileFact::File { content, .. } = &seen else { panic!("{seen:?}") };
        assert_eq!(*content, Fact::Keyed { digest: wanted, wanted: Some(true) });
        let FileFact::File { content: Fact::Keyed { wanted: Some(false), .. }, .. } = look(b"other") else {
            panic!("other content is not what is there")
        };

        let was = |was: FileFact| Condition::Path { path: "/etc/secret".to_owned(), was };
        let secret = |bytes: &[u8], was| {
            let mut step = put("/etc/secret", bytes);
            step.bodies[0].secret = true;
            ExecStep { was, ..step }
        };
        // The claim does not change the key.
        let claim =
            HostOp::Claim { cluster: "harbor".parse().expect("a name"), id: "1".to_owned(), instead: None };
        assert_eq!(ground.ask(step(claim, Vec::new())), StepReply::Changed);
        assert_eq!(ground.ask(secret(b"new", was(seen.clone()))), StepReply::Changed);
        let reply = ground.ask(secret(b"newer", was(seen)));
        assert!(matches!(&reply, StepReply::Failed(why) if why.kind == FailureKind::Conflict), "{reply:?}");
    }
}

/// RFC 2104, for a key of exactly one block.
fn hmac(key: &[u8], message: &[u8]) -> model::digest::Sha256 {
    use sha2::{Digest, Sha256};
    let pad = |with: u8| key.iter().map(|byte| byte ^ with).collect::<Vec<_>>();
    let inner = Sha256::digest([pad(0x36).as_slice(), message].concat());
    model::digest::Sha256::of(&[pad(0x5c).as_slice(), inner.as_slice()].concat())
}

#[test]
fn the_record_is_believed_while_the_file_stays_and_not_after() {
    for shell in shells() {
        let ground = fresh(shell);
        let mut steps: Vec<_> = (0..3).map(|n| put(&format!("/etc/f{n}"), b"as it was")).collect();
        steps[2].bodies[0].secret = true;
        assert_eq!(ground.exec(&Exec { steps }).1, Ok(()));
        let mut survey = Survey::default();
        for path in ["/etc/f0", "/etc/f1"] {
            survey.paths.insert(path.to_owned(), Look::Digest);
        }
        survey.paths.insert("/etc/f2".to_owned(), Look::Secret(None));
        let look = |verify: bool| {
            let survey = Survey { verify, ..survey.clone() };
            match ground.ask(step(HostOp::Observe(survey), Vec::new())) {
                StepReply::Observed(facts, _) => facts.stable.files,
                other => panic!("{other:?}"),
            }
        };
        // While it is believed, no file is read.
        let first = look(true);
        fs::create_dir(ground.bin("real")).expect("room");
        fs::rename(ground.bin("sha256sum"), ground.bin("real/sha256sum")).expect("ours");
        ground.tool("sha256sum", "[ $# = 0 ] || exit 9\nexec \"${0%/*}/real/sha256sum\"\n");
        assert_eq!(look(false), first);
        fs::rename(ground.bin("real/sha256sum"), ground.bin("sha256sum")).expect("ours");
        ground.write("/etc/f1", "as it is!");
        let now = look(false);
        assert_eq!(now["/etc/f0"], first["/etc/f0"]);
        assert_ne!(now["/etc/f1"], first["/etc/f1"]);
    }
}

#[test]
fn a_step_that_cannot_be_said_in_shell_is_not_sent() {
    let exec = one(put("/etc/a\0b", b""));
    let fault = host::encode(&exec, None).expect_err("no path holds NUL");
    assert_eq!(fault.cause, Cause::Unsupported);
    let mut survey = Survey::default();
    survey.sysctls.push("../../etc/shadow".to_owned());
    let exec = one(step(HostOp::Observe(survey), Vec::new()));
    assert!(host::encode(&exec, None).is_err());
}

#[test]
fn settings_of_the_real_kernel_are_read_whole() {
    for shell in shells() {
        let ground = fresh(shell);
        let real = "/proc/sys/kernel/pid_max";
        fs::create_dir_all(ground.path("/proc/sys/kernel")).expect("room");
        symlink(real, ground.path(real)).expect("room");
        let value = fs::read_to_string(real).expect("Linux has it").trim().to_owned();
        let survey = Survey { sysctls: vec!["kernel.pid_max".to_owned()], ..Survey::default() };
        let StepReply::Observed(facts, _) = ground.ask(step(HostOp::Observe(survey), Vec::new())) else {
            panic!("it observes")
        };
        assert_eq!(facts.stable.sysctls["kernel.pid_max"].as_deref(), Some(value.as_str()));
        let values = [("kernel.pid_max".to_owned(), value)].into();
        assert_eq!(ground.ask(step(HostOp::SetSysctls { values }, Vec::new())), StepReply::Unchanged);
    }
}
