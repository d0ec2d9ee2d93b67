//! Ends shared connections.
//!
//! Owns: the one request of OpenSSH's multiplexing protocol (its file PROTOCOL.mux) that is worth speaking ourselves:
//! it is what `ssh -O exit` sends, without a process, so that it also works while things are being dropped. Must not:
//! wait long, or report anything: a connection that cannot be told ends by itself a minute after its last use.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

const HELLO: u32 = 1;
const VERSION: u32 = 4;
const TERMINATE: u32 = 0x1000_0005;
const PATIENCE: Duration = Duration::from_millis(300);

/// Tells the connections at these sockets to end, and waits a moment for their words; all are told before any is waited for.
pub(crate) fn terminate<'a>(sockets: impl Iterator<Item = &'a Path>) {
    // Nothing to be done about an error: see above.
    let told: Vec<_> =
        sockets.filter(|socket| socket.exists()).filter_map(|socket| tell(socket).ok()).collect();
    for stream in told {
        // It answers hello and ok; more than both can hold means that we misread it.
        let _ = stream.take(256).read_to_end(&mut Vec::new());
    }
}

fn tell(socket: &Path) -> std::io::Result<UnixStream> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&request())?;
    Ok(stream)
}

/// Two packets, each with its length before it: our hello, and the request numbered 0.
fn request() -> Vec<u8> {
    [8, HELLO, VERSION, 8, TERMINATE, 0].into_iter().flat_map(u32::to_be_bytes).collect()
}
