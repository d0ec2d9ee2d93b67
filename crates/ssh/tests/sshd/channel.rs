//! Channels to ports on a host's loopback.

use std::io::ErrorKind;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{server::host, with_server};

#[test]
fn a_channel_carries_bytes_both_ways_until_it_is_dropped() {
    with_server("", async |server| {
        let ssh = server.pinned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let mut near = ssh.channel(&host(), port).expect("a client");
        near.write_all(b"ping").await.expect("sent");
        let (mut far, _) = listener.accept().await.expect("it came");
        let mut bytes = [0; 4];
        far.read_exact(&mut bytes).await.expect("heard");
        far.write_all(&bytes).await.expect("sent");
        near.read_exact(&mut bytes).await.expect("heard");
        assert_eq!(&bytes, b"ping");
        drop(near);
        assert_eq!(far.read(&mut bytes).await.expect("closed in order"), 0);
    });
}

#[test]
fn a_channel_to_a_silent_port_says_so_at_the_first_read() {
    with_server("", async |server| {
        let ssh = server.pinned();
        let mut channel = ssh.channel(&host(), 1).expect("a client");
        let error = channel.read(&mut [0; 1]).await.expect_err("nothing listens on port 1");
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (ErrorKind::ConnectionRefused, "Connection refused")
        );
    });
}

#[test]
fn an_sshd_that_forbids_forwarding_is_told_from_a_silent_port() {
    with_server("AllowTcpForwarding no", async |server| {
        let ssh = server.pinned();
        let mut channel = ssh.channel(&host(), server.port).expect("a client");
        let error = channel.read(&mut [0; 1]).await.expect_err("it is forbidden");
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    });
}

#[test]
fn a_channel_to_a_host_with_another_key_does_not_open() {
    with_server("", async |server| {
        let ssh = server.sessions(server.settings(""), Some(server.stranger()), None);
        let mut channel = ssh.channel(&host(), server.port).expect("a client");
        let error = channel.read(&mut [0; 1]).await.expect_err("it is another key").to_string();
        assert!(error.contains("host key changed"), "{error}");
        assert_eq!(server.logins(), 0);
    });
}
