//! Sessions with a real OpenSSH server on loopback; skipped where `/usr/sbin/sshd` is not installed.
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod channel;
mod client;
mod exec;
mod flood;
mod scan;
mod server;
mod sudo;

use server::Server;

/// Runs a test with a server of its own.
fn with_server<F: Future<Output = ()>>(more: &str, test: impl FnOnce(Server) -> F) {
    let Some(server) = Server::start(more) else {
        eprintln!("skipped: no /usr/sbin/sshd");
        return;
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(test(server));
}

/// Whether this can log in as root; an exec wants to be root at its end.
fn is_root() -> bool {
    let root = std::process::Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    if !root {
        eprintln!("skipped: not root");
    }
    root
}
