//! HTTP/1.1 on a socket: RFC 9112.
//!
//! Owns: the loop of one connection, pipelining, and its end. Must not: decide what is answered.

use std::{io, net::SocketAddr, sync::Arc, time::Instant};

use tokio::{io::Interest, net::TcpStream};

use super::{
    buffers::{self, Buffers},
    context::{Context, Phase},
    h2,
    render::{Sent, render},
    send::Sender,
    slots::Slot,
};
use crate::{
    http::{
        head::{After, Parsed, parse},
        reply::{Body, Reply},
    },
    log::Noted,
    page::load::{Wait, since_epoch},
    site::{Ask, Job, Outcome},
};

/// What an HTTP/2 connection with prior knowledge begins with (RFC 9113 section 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Answers of pipelined requests are gathered up to this size.
const GATHERED: usize = 32 << 10;
/// Read at once.
const READ: usize = 4 << 10;
/// What is read and thrown away of a request's body before the connection ends, so that the answer is not lost.
const DISCARDED: usize = 256 << 10;

/// What the bytes at hand call for.
enum Step {
    /// Reading on.
    More,
    /// Sending what was gathered and this.
    Send { body: Body, close: bool },
    /// Nothing but going on: the answer is gathered.
    Gathered,
    /// Waiting for something that takes long.
    Later(Job),
}

/// Serves one connection to its end.
pub async fn run(
    context: &Arc<Context>,
    stream: TcpStream,
    peer: SocketAddr,
    slot: &Arc<Slot>,
) -> io::Result<()> {
    let mut connection = Connection { context, stream: &stream, peer, slot, first: true };
    let mut buffers = Buffers::default();
    let end = connection.serve(&mut buffers).await;
    match end {
        Ok(End::Closed) => {
            buffers::give_back(buffers);
            Ok(())
        }
        // Boxed, so that connections of HTTP/1.1 need not be as large.
        Ok(End::Http2) => Box::pin(h2::run(context, stream, buffers.input, peer, slot)).await,
        Err(error) => {
            buffers::give_back(buffers);
            Err(error)
        }
    }
}

enum End {
    Closed,
    Http2,
}

struct Connection<'a> {
    context: &'a Context,
    stream: &'a TcpStream,
    peer: SocketAddr,
    slot: &'a Slot,
    first: bool,
}

impl Connection<'_> {
    async fn serve(&mut self, buffers: &mut Buffers) -> io::Result<End> {
        self.slot.idle_until(
            self.context.millis(Instant::now()),
            self.context.after(self.context.limits.head_time),
        );
        loop {
            if !self.read(buffers).await? {
                return Ok(End::Closed);
            }
            if self.first && PREFACE.starts_with(&buffers.input[..buffers.input.len().min(PREFACE.len())]) {
                if buffers.input.len() >= PREFACE.len() {
                    return Ok(End::Http2);
                }
                continue;
            }
            if self.answer(buffers).await? {
                return Ok(End::Closed);
            }
        }
    }

    /// Reads something; false at the end of the stream. Who waits between requests holds no buffers.
    async fn read(&mut self, buffers: &mut Buffers) -> io::Result<bool> {
        let begins = buffers.input.is_empty();
        loop {
            if begins && buffers.input.capacity() > 0 {
                buffers::give_back(std::mem::take(buffers));
            }
            self.stream.readable().await?;
            if buffers.input.capacity() == 0 {
                *buffers = buffers::borrow();
            }
            if buffers.input.capacity() - buffers.input.len() < READ / 2 {
                buffers.input.reserve(READ);
            }
            let room = buffers.input.capacity() - buffers.input.len();
            match self.stream.try_read_buf(&mut buffers.input) {
                Ok(0) => return Ok(false),
                Ok(got) => {
                    if got < room {
                        self.all_read();
                    }
                    if begins {
                        self.slot.busy_until(self.context.after(self.context.limits.head_time));
                    }
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Has the runtime wait for more before the next read: what came was less than there was room for, so asking the
    /// kernel again would only hear that there is nothing. What comes later is a new event, which is not forgotten.
    fn all_read(&self) {
        let _ = self.stream.try_io(Interest::READABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
    }

    /// Answers all requests at hand; true when the connection is at its end.
    async fn answer(&mut self, buffers: &mut Buffers) -> io::Result<bool> {
        let mut used = 0;
        let mut wait = Wait::Never;
        loop {
            match self.step(buffers, &mut used, wait) {
                Step::Later(job) => {
                    self.slot.busy_until(self.context.after(self.context.limits.stall));
                    // A job that panicked has kept nothing; asking again says what is wrong.
                    let _ = tokio::task::spawn_blocking(job).await;
                    wait = Wait::Allowed;
                    continue;
                }
                Step::Gathered => {}
                Step::Send { body, close } => {
                    self.flush(buffers, body).await?;
                    if close {
                        self.linger().await;
                        return Ok(true);
                    }
                }
                Step::More => {
                    self.flush(buffers, Body::Empty).await?;
                    buffers.input.drain(..used);
                    if buffers.input.is_empty() {
                        let now = self.context.millis(Instant::now());
                        self.slot.idle_until(now, self.context.after(self.context.limits.idle));
                    } else if used > 0 {
                        self.slot.busy_until(self.context.after(self.context.limits.head_time));
                    }
                    return Ok(false);
                }
            }
            wait = Wait::Never;
        }
    }

    /// Looks at the next request. Not async, so that heads and fields live on the stack and not in every connection.
    fn step(&mut self, buffers: &mut Buffers, used: &mut usize, wait: Wait) -> Step {
        let bytes = &buffers.input[*used..];
        if bytes.is_empty() {
            return Step::More;
        }
        let now = Instant::now();
        let (reply, after, head, noted) = match parse(bytes, &self.context.limits.head) {
            Parsed::Partial => return Step::More,
            Parsed::Bad(complaint) => {
                let after = After { keep: false, skip: None, old: false };
                (Reply::status_words(complaint.status()), after, bytes.len(), None)
            }
            Parsed::Done(request, after, head) => {
                let ask = Ask {
                    method: request.method,
                    target: request.target,
                    fields: &request.fields,
                    now,
                    wait,
                };
                match self.context.answers.answer(&ask) {
                    Outcome::Later(job) => return Step::Later(job),
                    Outcome::Ready(reply) => {
                        let noted = self.context.log.is_some().then(|| {
                            Noted::new(
                                self.peer,
                                &self.context.proxies,
                                request.name,
                                request.target,
                                &request.fields,
                            )
                        });
                        (reply, after, head, noted)
                    }
                }
            }
        };
        *used += head;
        self.first = false;
        // A body is not read: nothing here wants one, and skipping it is how requests get smuggled.
        let close = !after.keep || after.skip != Some(0) || self.context.life.phase() != Phase::Serving;
        let (site, status) = (reply.site, reply.status);
        let before = buffers.output.len();
        let body = render(reply, &after, close, &mut buffers.output);
        let bytes = (buffers.output.len() - before) as u64 + length(&body);
        buffers.batch.push(Sent { site, status, bytes, began: now, noted });
        if close || !matches!(body, Body::Empty) || buffers.output.len() >= GATHERED {
            Step::Send { body, close }
        } else {
            Step::Gathered
        }
    }

    async fn flush(&mut self, buffers: &mut Buffers, body: Body) -> io::Result<()> {
        if buffers.batch.is_empty() {
            return Ok(());
        }
        self.slot.busy_until(self.context.after(self.context.limits.stall));
        Sender::new(self.stream, self.context, self.slot).send(&buffers.output, &body).await?;
        buffers.output.clear();
        let now = Instant::now();
        for sent in buffers.batch.drain(..) {
            let took = now.saturating_duration_since(sent.began);
            self.context.counts.answer(sent.site, sent.status, sent.bytes, took);
            if let (Some(log), Some(noted)) = (&self.context.log, sent.noted)
                && !log.take(noted.line(since_epoch(), sent.status, sent.bytes, took))
            {
                crate::metrics::bump(&self.context.counts.unlogged);
            }
        }
        Ok(())
    }

    /// Ends a connection so that the client gets what was sent: closing while it still sends would take it away.
    async fn linger(&self) {
        self.slot.busy_until(self.context.after(std::time::Duration::from_secs(2)));
        if rustix::net::shutdown(self.stream, rustix::net::Shutdown::Write).is_err() {
            return;
        }
        let mut discarded = 0;
        let mut room = buffers::borrow();
        while discarded < DISCARDED && self.stream.readable().await.is_ok() {
            room.input.clear();
            room.input.reserve(READ);
            match self.stream.try_read_buf(&mut room.input) {
                Ok(0) => break,
                Ok(got) => discarded += got,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        buffers::give_back(room);
    }
}

fn length(body: &Body) -> u64 {
    match body {
        Body::Empty => 0,
        Body::One(piece) => piece.len(),
        Body::Many(pieces) => pieces.iter().map(crate::http::reply::Piece::len).sum(),
    }
}
