//! HTTP/2 in clear text with prior knowledge: RFC 9113, by hyper.
//!
//! Owns: the settings, and turning streams into questions. Must not: decide what is answered.

use std::{
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context as Tasks, Poll},
    time::{Duration, Instant},
};

use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::{
    body::{Moved, Never, Streamed},
    context::{Context, Phase},
    slots::Slot,
};
use crate::{
    http::{fields::Fields, head::Method, reply::Reply},
    log::Noted,
    page::load::{Wait, since_epoch},
    site::{Ask, Job, Outcome},
};

/// Bytes of a stream that may wait for its client. With what is read of a file at once, this times `limits.streams` is
/// what a client costs that asks for everything and reads nothing.
const SENDING: usize = 32 << 10;

/// Serves one connection to its end; `begun` are the bytes read so far, the preface among them.
pub(super) async fn run(
    context: &Arc<Context>,
    stream: TcpStream,
    begun: Vec<u8>,
    peer: SocketAddr,
    slot: &Arc<Slot>,
) -> io::Result<()> {
    let io = TokioIo::new(Rewound { begun, at: 0, stream });
    let open = Arc::new(AtomicUsize::new(0));
    let weak = Arc::downgrade(context);
    let service = service_fn(|request: Request<Incoming>| {
        open.fetch_add(1, Relaxed);
        let moved = Moved { context: weak.clone(), slot: slot.clone(), open: open.clone() };
        answer(weak.clone(), request, peer, moved)
    });
    let limits = &context.limits;
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_header_list_size(u32::try_from(limits.head.head).unwrap_or(u32::MAX))
        .max_send_buf_size(SENDING)
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .keep_alive_timeout(Duration::from_secs(20))
        .serve_connection(io, service);
    let mut connection = pin!(connection);
    let mut told = false;
    let mut tick = tokio::time::interval(Duration::from_millis(500));
    loop {
        tokio::select! {
            end = &mut connection => return end.map_err(io::Error::other),
            _ = tick.tick(), if !told => {
                if context.life.phase() != Phase::Serving {
                    told = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

async fn answer(
    context: Weak<Context>,
    request: Request<Incoming>,
    peer: SocketAddr,
    moved: Moved,
) -> Result<Response<Streamed>, Never> {
    let began = Instant::now();
    let Some(context) = context.upgrade() else { return Ok(response(Reply::status_words(503), moved)) };
    let reply = match ask(&context, &request, began, Wait::Never) {
        Ok(reply) => reply,
        Err(job) => {
            let _ = tokio::task::spawn_blocking(job).await;
            ask(&context, &request, began, Wait::Allowed).unwrap_or_else(|_| Reply::status_words(500))
        }
    };
    let bytes = reply.length.unwrap_or_default();
    let took = began.elapsed();
    context.counts.answer(reply.site, reply.status, bytes, took);
    if let Some(log) = &context.log {
        let fields = fields(&request);
        let noted = Noted::new(peer, &context.proxies, request.method().as_str(), target(&request), &fields);
        if !log.take(noted.line(since_epoch(), reply.status, bytes, took)) {
            crate::metrics::bump(&context.counts.unlogged);
        }
    }
    Ok(response(reply, moved))
}

fn ask(context: &Context, request: &Request<Incoming>, now: Instant, wait: Wait) -> Result<Reply, Job> {
    let fields = fields(request);
    if fields.hosts > 1 {
        return Ok(Reply::status_words(400));
    }
    let target = target(request);
    if target.len() > context.limits.head.target {
        return Ok(Reply::status_words(414));
    }
    let ask = Ask { method: Method::of(request.method().as_str()), target, fields: &fields, now, wait };
    match context.answers.answer(&ask) {
        Outcome::Ready(reply) => Ok(reply),
        Outcome::Later(job) => Err(job),
    }
}

fn target(request: &Request<Incoming>) -> &[u8] {
    request.uri().path_and_query().map_or(&b"/"[..], |target| target.as_str().as_bytes())
}

fn fields(request: &Request<Incoming>) -> Fields<'_> {
    let mut fields = Fields::default();
    for (name, value) in request.headers() {
        fields.take(name.as_str().as_bytes(), value.as_bytes());
    }
    if let Some(authority) = request.uri().authority() {
        fields.host = Some(authority.as_str().as_bytes());
    }
    fields
}

fn response(reply: Reply, moved: Moved) -> Response<Streamed> {
    let mut headers = reply.shared.as_ref().map(|shared| shared.map.clone()).unwrap_or_default();
    for (name, value) in reply.own {
        headers.insert(name, value);
    }
    if let Some(length) = reply.length {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    let mut response = Response::new(Streamed::new(reply.body, moved));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}

/// A stream whose first bytes were read already.
struct Rewound {
    begun: Vec<u8>,
    at: usize,
    stream: TcpStream,
}

impl AsyncRead for Rewound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        tasks: &mut Tasks<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.at < self.begun.len() {
            let count = into.remaining().min(self.begun.len() - self.at);
            into.put_slice(&self.begun[self.at..self.at + count]);
            self.at += count;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(tasks, into)
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(mut self: Pin<&mut Self>, tasks: &mut Tasks<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(tasks, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        tasks: &mut Tasks<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(tasks, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, tasks: &mut Tasks<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(tasks)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, tasks: &mut Tasks<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(tasks)
    }
}
