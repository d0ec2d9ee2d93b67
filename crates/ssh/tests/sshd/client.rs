//! What the user told OpenSSH: aliases, jump hosts, keys with a passphrase.

use std::os::unix::fs::PermissionsExt as _;

use model::{
    fault::{Cause, HostFault},
    port::{Access as _, Exec, Hosts as _},
};
use ssh::{Settings, Ssh};

use crate::{
    is_root,
    server::{Server, host},
    with_server,
};

/// Sessions to an alias behind a jump host at this port, both served by the same sshd.
fn behind(server: &Server, jump_port: u16) -> Ssh {
    let config = format!(
        "Host harbor\nHostName 127.0.0.1\nPort {}\nProxyJump bastion\nHost bastion\nHostName 127.0.0.1\nPort {jump_port}\nHost *",
        server.port
    );
    let mut to = server.destination(Some(server.key()));
    to.target.host = "harbor".into();
    to.target.port = None;
    Ssh::new(server.settings(&config), [to], None).expect("a private directory")
}

async fn touch(ssh: &Ssh) -> Result<(), HostFault> {
    let nothing = Exec { steps: Vec::new() };
    ssh.exec(&host(), nothing, &mut |_| {}).await
}

#[test]
fn a_host_behind_a_jump_host_is_reached_by_its_alias() {
    if !is_root() {
        return;
    }
    with_server("", async |server| {
        server.know(&server.key());
        let ssh = behind(&server, server.port);
        assert_eq!(touch(&ssh).await, Ok(()));
        assert_eq!(touch(&ssh).await, Ok(()));
        assert_eq!(server.logins(), 2, "one at the jump host, one behind it");
        let offered = ssh.scan(&ssh_target(&server)).await.expect("it shows its key");
        assert_eq!(offered.key, server.key());
    });
}

/// The alias, as `init` would scan it.
fn ssh_target(server: &Server) -> ssh::Destination {
    let mut to = server.destination(None);
    to.target.host = "harbor".into();
    to.target.port = None;
    to
}

#[test]
fn a_fault_of_the_jump_host_is_told_as_its_own() {
    with_server("", async |server| {
        // The pin is the far host's; nothing is known of the jump host.
        let unknown = behind(&server, server.port);
        assert_eq!(touch(&unknown).await, Err(HostFault::new(Cause::KeyUnknown, "of a jump host")));
        assert_eq!(server.logins(), 0);
        let refused = behind(&server, 1);
        let told = "connect to host 127.0.0.1 port 1";
        assert_eq!(touch(&refused).await, Err(HostFault::new(Cause::Refused, told)));
    });
}

/// A client that answers OpenSSH's questions from a file, as a person would at the terminal, and notes each.
fn person(server: &Server) -> Settings {
    let at = server.path("");
    let at = at.display();
    let script = |name: &str, text: String| {
        let path = server.path(name);
        std::fs::write(&path, text).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("ours");
        path
    };
    script("answer", format!("#!/bin/sh\necho \"$1\" >>{at}/questions\necho sesame\n"));
    let force = "${SSH_ASKPASS_REQUIRE:-force}";
    let program = script(
        "client-of-a-person",
        format!("#!/bin/sh\nSSH_ASKPASS={at}/answer SSH_ASKPASS_REQUIRE={force} exec ssh \"$@\"\n"),
    );
    Settings { program, ..server.settings("") }
}

#[test]
fn a_passphrase_is_asked_for_only_of_somebody_who_is_there_and_once_for_all_execs() {
    if !is_root() {
        return;
    }
    with_server("", async |server| {
        let mut lock = std::process::Command::new("ssh-keygen");
        lock.args(["-q", "-p", "-P", "", "-N", "sesame", "-f"]).arg(server.path("id"));
        assert!(lock.status().expect("ssh-keygen runs").success());
        let questions =
            || std::fs::read_to_string(server.path("questions")).unwrap_or_default().lines().count();

        let alone = server.sessions(person(&server), Some(server.key()), None);
        assert_eq!(touch(&alone).await.map_err(|fault| fault.cause), Err(Cause::Authentication));
        assert_eq!(questions(), 0);

        let settings = Settings { attended: true, ..person(&server) };
        let ssh = server.sessions(settings, Some(server.key()), None);
        assert_eq!(touch(&ssh).await, Ok(()));
        assert_eq!(touch(&ssh).await, Ok(()));
        assert_eq!((questions(), server.logins()), (1, 1));
        assert_eq!(ssh.prove(&host()).await, Ok(()));
        assert_eq!((questions(), server.logins()), (2, 2));
    });
}
