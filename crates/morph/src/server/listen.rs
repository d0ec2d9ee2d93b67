//! Listening sockets.
//!
//! Owns: their options, and closing one without losing a connection. Must not: serve.

use std::{io, net::SocketAddr, net::TcpListener};

use socket2::{Domain, Protocol, SockFilter, SockRef, Socket, Type};

/// Connections that may wait to be accepted.
pub(super) const BACKLOG: i32 = 4096;

/// A socket at a port where nobody listens yet. Sharing a port goes for every program of the same user, so a second server would
/// otherwise get half of the connections, and nobody would know why.
pub(super) fn bind_free(address: SocketAddr) -> io::Result<TcpListener> {
    let alone = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    alone.set_reuse_address(true)?;
    alone.bind(&address.into())?;
    drop(alone);
    bind(address)
}

/// A socket that shares its port with the other workers' (`SO_REUSEPORT`): the kernel spreads connections.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    // Inherited by the connections.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Lets no new handshake begin. Closing a socket resets whoever is through the handshake and not yet accepted, and
/// there is always one; so first the beginnings are dropped, then the rest is accepted, then it is closed. A client
/// whose beginning was dropped tries again by itself, and is told then that nobody listens. Newer kernels allow it only
/// with capabilities, which a server in a pod does not have.
pub(super) fn close_door(listener: &impl std::os::fd::AsFd) -> io::Result<()> {
    // At offset 13 of the TCP header lie the flags; SYN without ACK is how a handshake begins.
    const LOAD_BYTE: u16 = 0x30;
    const AND: u16 = 0x54;
    const JUMP_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    let filter = [
        SockFilter::new(LOAD_BYTE, 0, 0, 13),
        SockFilter::new(AND, 0, 0, 0x12),
        SockFilter::new(JUMP_EQUAL, 0, 1, 0x02),
        SockFilter::new(RETURN, 0, 0, 0),
        SockFilter::new(RETURN, 0, 0, u32::MAX),
    ];
    SockRef::from(listener).attach_filter(&filter)
}
