//! Contents as the frames of HTTP/2.
//!
//! Owns: reading files in parts without holding up the thread, and telling the sweep that a stream moves. Must not: know HTTP/2.

use std::{
    collections::VecDeque,
    convert::Infallible,
    io,
    ops::Range,
    os::fd::{AsFd, OwnedFd},
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context as Tasks, Poll},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use rustix::io::Errno;
use tokio::task::JoinHandle;

use super::{context::Context, slots::Slot};
use crate::{
    http::reply::{Body, Piece},
    page::load::without_waiting,
};

/// Handed over at once: a client that takes this in the time that `stall` gives it is not given up.
const CHUNK: u64 = 32 << 10;

/// The content of one stream.
pub(super) struct Streamed {
    pieces: VecDeque<Piece>,
    left: u64,
    reading: Option<JoinHandle<io::Result<Vec<u8>>>>,
    pub(super) moved: Moved,
}

/// Tells the sweep that something moves, and counts the stream as open until it is dropped.
pub(super) struct Moved {
    pub(super) context: Weak<Context>,
    pub(super) slot: Arc<Slot>,
    pub(super) open: Arc<std::sync::atomic::AtomicUsize>,
}

impl Moved {
    fn now(&self) {
        if let Some(context) = self.context.upgrade() {
            self.slot.busy_until(context.after(context.limits.stall));
        }
    }
}

impl Drop for Moved {
    fn drop(&mut self) {
        use std::sync::atomic::Ordering::Relaxed;
        let last = self.open.fetch_sub(1, Relaxed) == 1;
        if let (true, Some(context)) = (last, self.context.upgrade()) {
            self.slot
                .idle_until(context.millis(std::time::Instant::now()), context.after(context.limits.idle));
        }
    }
}

impl Streamed {
    pub(super) fn new(body: Body, moved: Moved) -> Streamed {
        let pieces: VecDeque<Piece> = match body {
            Body::Empty => VecDeque::new(),
            Body::One(piece) => VecDeque::from([piece]),
            Body::Many(pieces) => pieces.into(),
        };
        let left = pieces.iter().map(Piece::len).sum();
        Streamed { pieces, left, reading: None, moved }
    }

    fn sent(&mut self, bytes: Bytes) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.left = self.left.saturating_sub(bytes.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn read_file(&mut self, file: &Arc<OwnedFd>, mut range: Range<u64>) -> io::Result<Option<Bytes>> {
        let end = (range.start + CHUNK).min(range.end);
        let length = usize::try_from(end - range.start).map_err(io::Error::other)?;
        let mut part = vec![0; length];
        match without_waiting(file.as_fd(), &mut part, range.start) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(got) => {
                part.truncate(got);
                range.start += got as u64;
                if range.start < range.end {
                    self.pieces.push_front(Piece::File(file.clone(), range));
                }
                Ok(Some(Bytes::from(part)))
            }
            Err(Errno::AGAIN | Errno::INTR) => {
                let (reader, start) = (file.clone(), range.start);
                self.reading = Some(tokio::task::spawn_blocking(move || {
                    let got = rustix::io::retry_on_intr(|| rustix::io::pread(&reader, &mut part[..], start))?;
                    part.truncate(got);
                    Ok(part)
                }));
                self.pieces.push_front(Piece::File(file.clone(), range));
                Ok(None)
            }
            Err(errno) => Err(errno.into()),
        }
    }

    fn poll_reading(&mut self, tasks: &mut Tasks<'_>) -> Poll<io::Result<Option<Bytes>>> {
        let Some(reading) = &mut self.reading else { return Poll::Ready(Ok(None)) };
        let Poll::Ready(read) = Pin::new(reading).poll(tasks) else { return Poll::Pending };
        self.reading = None;
        let part = read.map_err(io::Error::other)??;
        if part.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        if let Some(Piece::File(file, range)) = self.pieces.pop_front() {
            let start = range.start + part.len() as u64;
            if start < range.end {
                self.pieces.push_front(Piece::File(file, start..range.end));
            }
        }
        Poll::Ready(Ok(Some(Bytes::from(part))))
    }
}

impl http_body::Body for Streamed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        tasks: &mut Tasks<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        this.moved.now();
        loop {
            match this.poll_reading(tasks) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(Ok(Some(bytes))) => return this.sent(bytes),
                Poll::Ready(Ok(None)) => {}
            }
            match this.pieces.pop_front() {
                None => return Poll::Ready(None),
                Some(Piece::Memory(bytes)) if bytes.is_empty() => {}
                Some(piece @ Piece::Memory(_)) if piece.len() > CHUNK => {
                    this.pieces.push_front(piece.slice(CHUNK..piece.len()));
                    this.pieces.push_front(piece.slice(0..CHUNK));
                }
                Some(Piece::Memory(bytes)) => return this.sent(bytes),
                Some(Piece::File(file, range)) => match this.read_file(&file, range) {
                    Ok(Some(bytes)) => return this.sent(bytes),
                    Ok(None) => {}
                    Err(error) => return Poll::Ready(Some(Err(error))),
                },
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// What a service that always answers fails with.
pub(super) type Never = Infallible;
