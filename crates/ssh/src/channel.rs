//! Channels to a port on a host's own loopback, for its Kubernetes API.
//!
//! Owns: a byte stream over the shared connection, so that no port of a host need be open to anyone. Must not: know
//! what the bytes say.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use model::NodeName;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    process::{Child, ChildStdin, ChildStdout},
};

use crate::{
    client::{self, Company},
    line::{Log, Ssh},
    words,
};

/// A byte stream to a port on a host's loopback. Dropping it closes it.
#[derive(Debug)]
pub struct Channel {
    input: ChildStdin,
    output: ChildStdout,
    log: Log,
    heard: bool,
    /// Dies with this.
    _child: Child,
}

impl Ssh {
    /// Opens a channel to a TCP port on the host's 127.0.0.1. That the port does not answer, or that sshd forbids
    /// forwarding, is the error of the first read. Must be called within a tokio runtime.
    pub fn channel(&self, host: &NodeName, port: u16) -> io::Result<Channel> {
        let line = self.line(host).map_err(|fault| io::Error::new(io::ErrorKind::NotFound, fault))?;
        let (mut command, log) = self.client(line, true, Company::Alone);
        command.arg("-W").arg(format!("127.0.0.1:{port}")).stderr(std::process::Stdio::null());
        client::finish(&mut command, &line.to, None);
        let mut child = command.spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        Ok(Channel { input, output, log, heard: false, _child: child })
    }
}

impl AsyncRead for Channel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.output).poll_read(context, buffer))?;
        if buffer.filled().len() > before || buffer.remaining() == 0 {
            self.heard = true;
        } else if !self.heard {
            return Poll::Ready(Err(refused(&self.log.read())));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Channel {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.input).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.input).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.input).poll_shutdown(context)
    }
}

/// An HTTP client keeps both on tasks of its own.
const _: () = {
    const fn may_move<T: Send + Unpin + 'static>() {}
    const fn may_be_shared<T: Send + Sync + 'static>() {}
    may_move::<Channel>();
    may_be_shared::<Ssh>();
};

/// Why a channel closed before it carried a byte. The client first says why, then that it gives up.
fn refused(log: &str) -> io::Error {
    let why = log.lines().find_map(|line| line.split_once("open failed: ")).map(|(_, why)| words::clean(why));
    match why {
        Some(why) if why.contains("administratively prohibited") => io::Error::new(
            io::ErrorKind::PermissionDenied,
            "sshd there forbids forwarding: allow it with `AllowTcpForwarding local` or `yes`",
        ),
        Some(why) => {
            let why = why.trim_start_matches("connect failed: ").to_owned();
            io::Error::new(io::ErrorKind::ConnectionRefused, why)
        }
        None => io::Error::new(io::ErrorKind::ConnectionReset, words::judge(log, "").to_string()),
    }
}
