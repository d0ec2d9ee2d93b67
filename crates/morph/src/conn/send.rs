//! Writing to a socket: from memory, or from a file by sendfile.
//!
//! Owns: progress, and that a slow client is given up. Must not: know what is sent.

use std::{
    io::{self, ErrorKind, IoSlice},
    ops::Range,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

use rustix::{fs::sendfile, io::Errno, net::SendFlags};
use tokio::{io::Interest, net::TcpStream};

use super::{context::Context, slots::Slot};
use crate::{
    http::reply::{Body, Piece},
    page::load::without_waiting,
};

/// What a client must take in the time that `stall` gives it.
const LEAST: u64 = 4096;
/// Handed to the kernel at once; between two of these the page cache is asked whether it has the next.
const CHUNK: u64 = 2 << 20;

/// One writer on one socket.
pub(super) struct Sender<'a> {
    pub(super) stream: &'a TcpStream,
    pub(super) context: &'a Context,
    pub(super) slot: &'a Slot,
    /// Bytes taken since the deadline was last moved.
    moved: u64,
}

impl<'a> Sender<'a> {
    pub(super) fn new(stream: &'a TcpStream, context: &'a Context, slot: &'a Slot) -> Sender<'a> {
        Sender { stream, context, slot, moved: 0 }
    }

    /// Sends a head and what follows it.
    pub(super) async fn send(&mut self, head: &[u8], body: &Body) -> io::Result<()> {
        match body {
            Body::Empty => self.memory(head, &[]).await,
            Body::One(Piece::Memory(bytes)) => self.memory(head, bytes).await,
            Body::One(Piece::File(file, range)) => {
                self.announce(head).await?;
                self.file(file, range.clone()).await
            }
            Body::Many(pieces) => {
                self.announce(head).await?;
                for piece in pieces {
                    match piece {
                        Piece::Memory(bytes) => self.memory(bytes, &[]).await?,
                        Piece::File(file, range) => self.file(file, range.clone()).await?,
                    }
                }
                Ok(())
            }
        }
    }

    async fn memory(&mut self, mut first: &[u8], mut second: &[u8]) -> io::Result<()> {
        while !first.is_empty() || !second.is_empty() {
            let tried = if second.is_empty() {
                self.stream.try_write(first)
            } else {
                self.stream.try_write_vectored(&[IoSlice::new(first), IoSlice::new(second)])
            };
            let Some(took) = self.took(tried).await? else { continue };
            let of_first = took.min(first.len());
            first = &first[of_first..];
            second = &second[took - of_first..];
        }
        Ok(())
    }

    /// A head that more follows upon: the kernel may put both in one packet.
    async fn announce(&mut self, mut head: &[u8]) -> io::Result<()> {
        while !head.is_empty() {
            let tried = self.stream.try_io(Interest::WRITABLE, || {
                Ok(rustix::net::send(self.stream, head, SendFlags::MORE | SendFlags::NOSIGNAL)?)
            });
            let Some(took) = self.took(tried).await? else { continue };
            head = &head[took..];
        }
        Ok(())
    }

    async fn file(&mut self, file: &Arc<OwnedFd>, range: Range<u64>) -> io::Result<()> {
        let mut offset = range.start;
        let mut warm = offset;
        while offset < range.end {
            if offset >= warm {
                let end = (offset + CHUNK).min(range.end);
                warm_up(file, offset..end).await?;
                warm = end;
            }
            let count = usize::try_from(warm - offset).unwrap_or(usize::MAX);
            let tried = self
                .stream
                .try_io(Interest::WRITABLE, || Ok(sendfile(self.stream, file, Some(&mut offset), count)?));
            if self.took(tried).await? == Some(0) {
                // The file has become shorter than its head said. Only ending the connection tells the client so.
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    /// Waits if nothing could be written, else moves the deadline if enough was.
    async fn took(&mut self, tried: io::Result<usize>) -> io::Result<Option<usize>> {
        match tried {
            Ok(took) => {
                self.moved += took as u64;
                Ok(Some(took))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                if self.moved >= LEAST {
                    self.moved = 0;
                    self.slot.busy_until(self.context.after(self.context.limits.stall));
                }
                self.stream.writable().await?;
                Ok(None)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Has the page cache hold a part of a file, without holding up the other connections of this thread.
async fn warm_up(file: &Arc<OwnedFd>, part: Range<u64>) -> io::Result<()> {
    let cold = |offset| matches!(without_waiting(file.as_fd(), &mut [0], offset), Err(Errno::AGAIN));
    if !cold(part.start) && !cold(part.end - 1) {
        return Ok(());
    }
    let file = file.clone();
    let read = tokio::task::spawn_blocking(move || -> io::Result<()> {
        let mut room = vec![0; 128 << 10];
        let mut offset = part.start;
        while offset < part.end {
            match rustix::io::pread(&file, &mut room, offset) {
                Ok(0) => break,
                Ok(got) => offset += got as u64,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    });
    read.await.map_err(io::Error::other)?
}
