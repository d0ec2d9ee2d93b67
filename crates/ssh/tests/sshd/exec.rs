//! Execs: what they cost, and how they end.

use std::{cell::Cell, time::Duration};

use model::{
    condition::Condition,
    fault::{Cause, HostFault},
    op::HostOp,
    plan::StepId,
    port::{Access as _, Exec, ExecStep, Hosts as _},
    reply::{Said, StepReply},
};
use ssh::{Limits, Settings, Ssh};

use crate::{
    is_root,
    server::{Server, hasty, host},
    with_server,
};

/// An exec that reads a file.
fn reading(path: &str) -> Exec {
    let id = StepId::new(&host(), "read");
    let op = HostOp::ReadSecret { path: path.to_owned() };
    Exec { steps: vec![ExecStep { id, op, was: Condition::Holds, own: None, bodies: Vec::new() }] }
}

async fn exec(ssh: &Ssh, exec: Exec) -> (Vec<Said>, Result<(), HostFault>) {
    let mut said = Vec::new();
    let ended = ssh.exec(&host(), exec, &mut |word| said.push(word)).await;
    (said, ended)
}

async fn fault(ssh: &Ssh) -> HostFault {
    exec(ssh, reading("/etc/hostname")).await.1.expect_err("it does not come to work")
}

fn secret(server: &Server) -> String {
    let path = server.path("secret");
    std::fs::write(&path, "sesame\n").expect("written");
    path.to_str().expect("plain").to_owned()
}

#[test]
fn many_execs_and_a_channel_share_one_login_and_nothing_is_left_of_it() {
    with_server("", async |server| {
        let ssh = server.pinned();
        if !is_root() {
            return;
        }
        let path = secret(&server);
        for _ in 0..5 {
            let (said, ended) = exec(&ssh, reading(&path)).await;
            assert_eq!(ended, Ok(()));
            let [Said::Began(_), Said::Ended(_, StepReply::Secret { changed: false, secret })] =
                said.as_slice()
            else {
                panic!("it said {said:?}");
            };
            assert_eq!(secret.expose(), b"sesame\n");
        }
        assert_eq!(server.logins(), 1);
        assert_eq!(server.connections().len(), 1);
        drop(ssh);
        server.until_quiet();
        let left = std::fs::read_dir(server.path("")).expect("there");
        assert_eq!(
            left.filter(|file| file
                .as_ref()
                .is_ok_and(|file| file.file_type().is_ok_and(|kind| kind.is_dir())))
                .count(),
            0
        );
    });
}

#[test]
fn access_is_proven_by_a_login_of_its_own() {
    with_server("", async |server| {
        let ssh = server.pinned();
        if !is_root() {
            return;
        }
        let (_, ended) = exec(&ssh, reading(&secret(&server))).await;
        assert_eq!(ended, Ok(()));
        assert_eq!(ssh.prove(&host()).await, Ok(()));
        assert_eq!(server.logins(), 2);
        // Nobody is let in any more; the shared connection still stands.
        std::fs::write(server.path("authorized_keys"), "").expect("written");
        assert_eq!(exec(&ssh, reading(&secret(&server))).await.1, Ok(()));
        assert_eq!(ssh.prove(&host()).await.map_err(|fault| fault.cause), Err(Cause::Authentication));
    });
}

#[test]
fn another_key_than_the_pinned_or_known_one_is_refused_before_a_login() {
    with_server("", async |server| {
        let pinned = server.sessions(server.settings(""), Some(server.stranger()), None);
        let fault_seen = fault(&pinned).await;
        assert_eq!(fault_seen.cause, Cause::KeyChanged);
        let shown = ssh::fingerprint(&server.key()).expect("base64");
        let wanted = ssh::fingerprint(&server.stranger()).expect("base64");
        assert_eq!(fault_seen.detail, format!("it shows {shown}, `hostKey:` is {wanted}"));

        server.know(&server.stranger());
        let known = server.sessions(server.settings(""), None, None);
        assert_eq!(fault(&known).await.cause, Cause::KeyChanged);
        assert_eq!(server.logins(), 0);
    });
}

#[test]
fn an_unknown_key_is_never_trusted_whatever_the_users_configuration_says() {
    with_server("", async |server| {
        let ssh = server.sessions(server.settings("StrictHostKeyChecking no"), None, None);
        assert_eq!(fault(&ssh).await.cause, Cause::KeyUnknown);
        assert_eq!(server.logins(), 0);
        assert!(!server.path("known_hosts").exists());
    });
}

#[test]
fn a_user_who_is_not_let_in_fails_to_authenticate_once() {
    with_server("", async |server| {
        std::fs::write(server.path("authorized_keys"), "").expect("written");
        assert_eq!(fault(&server.pinned()).await.cause, Cause::Authentication);
        server.until_quiet();
        let log = server.log();
        assert_eq!(log.matches("Connection closed by authenticating user").count(), 1, "{log}");
    });
}

#[test]
fn a_host_that_does_not_listen_or_has_no_name_is_dark_at_once() {
    with_server("", async |mut server| {
        let ssh = server.pinned();
        server.stop();
        assert_eq!(fault(&ssh).await.cause, Cause::Refused);
        let mut to = server.destination(None);
        to.target.host = "no..where".into();
        let ssh = Ssh::new(server.settings(""), [to], None).expect("a private directory");
        assert_eq!(fault(&ssh).await.cause, Cause::NameNotFound);
    });
}

#[test]
fn an_ssh_client_that_cannot_run_or_reads_no_sense_is_the_operators_own_fault() {
    with_server("", async |server| {
        let missing = Settings { program: "/nowhere/ssh".into(), ..server.settings("") };
        let told = fault(&server.sessions(missing, None, None)).await;
        assert_eq!(told.cause, Cause::Client);
        assert!(told.detail.contains("/nowhere/ssh"), "{}", told.detail);
        let ssh = server.sessions(server.settings("Nonsense yes"), None, None);
        let told = fault(&ssh).await;
        assert_eq!(told.cause, Cause::Client);
        assert!(told.detail.contains("Nonsense") || told.detail.contains("nonsense"), "{}", told.detail);
    });
}

#[test]
fn a_port_that_takes_connections_and_says_nothing_times_out() {
    with_server("", async |server| {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let mut to = server.destination(None);
        to.target.port = Some(silent.local_addr().expect("bound").port());
        let settings = Settings { limits: hasty(), ..server.settings("") };
        let ssh = Ssh::new(settings, [to], None).expect("a private directory");
        assert_eq!(fault(&ssh).await.cause, Cause::TimedOut);
    });
}

#[test]
fn a_host_that_lets_in_and_then_says_nothing_times_out() {
    with_server("ForceCommand exec sleep 1000", async |server| {
        let limits = Limits { hello: Duration::ZERO, ..hasty() };
        let ssh = server.sessions(Settings { limits, ..server.settings("") }, Some(server.key()), None);
        assert_eq!(fault(&ssh).await.cause, Cause::TimedOut);
        server.until_quiet();
    });
}

#[test]
fn a_connection_that_breaks_in_the_middle_is_lost_and_the_next_exec_makes_a_new_one() {
    if !is_root() {
        return;
    }
    // Where there is a pipe, a session gives away that its step began, and not the rest until the pipe is opened.
    let stalling = "test -p DIR/pipe||exec sh -c \"$SSH_ORIGINAL_COMMAND\";\
                    sh -c \"$SSH_ORIGINAL_COMMAND\"|{ head -n 3;: <DIR/pipe; cat;}";
    with_server(&format!("ForceCommand {stalling}"), async |server| {
        let ssh = server.pinned();
        let path = secret(&server);
        let pipe = server.path("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs").success());
        let began = Cell::new(0);
        let mut heard = |_| {
            began.set(began.get() + 1);
            server.cut();
        };
        let told = ssh.exec(&host(), reading(&path), &mut heard).await.expect_err("it broke");
        assert_eq!((told.cause, began.get()), (Cause::Lost, 1));
        assert!(told.detail.starts_with("in harbor-1: read"), "{}", told.detail);
        // Lets go whoever still waits.
        drop(std::fs::OpenOptions::new().read(true).write(true).open(&pipe).expect("there"));
        std::fs::remove_file(&pipe).expect("there");
        assert_eq!(exec(&ssh, reading(&path)).await.1, Ok(()));
        assert_eq!(server.logins(), 2);
    });
}

#[test]
fn what_login_scripts_say_before_is_passed_over() {
    if !is_root() {
        return;
    }
    let chatty =
        r#"ForceCommand echo Welcome; echo more >&2; printf "no end"; sh -c "$SSH_ORIGINAL_COMMAND""#;
    with_server(chatty, async |server| {
        let (said, ended) = exec(&server.pinned(), reading(&secret(&server))).await;
        assert_eq!((said.len(), ended), (2, Ok(())));
    });
}

#[test]
fn a_login_shell_that_only_talks_is_out_of_protocol() {
    with_server("ForceCommand echo This account is not available.; exit 1", async |server| {
        let told = fault(&server.pinned()).await;
        assert_eq!(told.cause, Cause::Garbled);
        assert!(told.detail.contains("This account is not available."), "{}", told.detail);
    });
}

#[test]
fn the_users_forwardings_and_commands_stay_out_of_it() {
    if !is_root() {
        return;
    }
    with_server("", async |server| {
        let mine = "RemoteCommand exit 1\nRequestTTY force\nPermitLocalCommand yes\nLocalCommand exit 1\n\
                    LocalForward 127.0.0.1:1 127.0.0.1:1\nExitOnForwardFailure yes\nLogLevel QUIET\n\
                    ControlMaster yes\nControlPath /nowhere/%C";
        let ssh = server.sessions(server.settings(mine), Some(server.key()), None);
        assert_eq!(exec(&ssh, reading(&secret(&server))).await.1, Ok(()));
    });
}

#[test]
fn a_busy_sshd_is_tried_again_until_it_has_room() {
    // One connection that is not logged in yet is as many as it takes.
    with_server("MaxStartups 1:100:1", async |server| {
        server.until_quiet();
        let hog = std::net::TcpStream::connect(("127.0.0.1", server.port)).expect("it listens");
        while server.connections().is_empty() {
            std::thread::yield_now();
        }
        let ssh = server.pinned();
        let room = async {
            while !server.log().contains("drop connection") {
                tokio::task::yield_now().await;
            }
            drop(hog);
        };
        let name = host();
        let (ended, ()) = futures::join!(ssh.prove(&name), room);
        assert!(ended.is_ok() || !is_root(), "{ended:?}");
        assert_eq!(server.logins(), 1);
    });
}
