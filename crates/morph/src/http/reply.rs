//! Answers: a status, fields and where the bytes come from.
//!
//! Owns: fields made once and sent many times, and the status lines. Must not: send anything.

use std::{ops::Range, os::fd::OwnedFd, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Fields that many answers share, ready for both versions of HTTP.
#[derive(Debug, Default)]
pub struct Block {
    /// For HTTP/1.1: lines with their ends.
    pub lines: Box<[u8]>,
    /// For HTTP/2.
    pub map: HeaderMap,
}

impl Block {
    /// Makes both forms.
    pub fn new(map: HeaderMap) -> Block {
        let mut lines = Vec::with_capacity(256);
        for (name, value) in &map {
            line(&mut lines, name, value.as_bytes());
        }
        Block { lines: lines.into_boxed_slice(), map }
    }
}

/// Appends one field line.
pub fn line(into: &mut Vec<u8>, name: &HeaderName, value: &[u8]) {
    into.extend_from_slice(name.as_str().as_bytes());
    into.extend_from_slice(b": ");
    into.extend_from_slice(value);
    into.extend_from_slice(b"\r\n");
}

/// Some bytes of an answer's content.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Held in memory.
    Memory(Bytes),
    /// A part of an open file.
    File(Arc<OwnedFd>, Range<u64>),
}

impl Piece {
    /// How many bytes.
    pub fn len(&self) -> u64 {
        match self {
            Piece::Memory(bytes) => bytes.len() as u64,
            Piece::File(_, range) => range.end - range.start,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A part of it; the range lies within.
    #[must_use]
    pub fn slice(&self, range: Range<u64>) -> Piece {
        match self {
            Piece::Memory(bytes) => {
                let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                Piece::Memory(bytes.slice(at(range.start)..at(range.end)))
            }
            Piece::File(file, whole) => {
                Piece::File(file.clone(), whole.start + range.start..whole.start + range.end)
            }
        }
    }
}

/// The content of an answer.
#[derive(Clone, Debug, Default)]
pub enum Body {
    /// None.
    #[default]
    Empty,
    /// One piece.
    One(Piece),
    /// Several, in order: the parts of a multipart answer.
    Many(Vec<Piece>),
}

/// An answer to one request.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Fields shared with other answers.
    pub shared: Option<Arc<Block>>,
    /// Fields of this answer alone.
    pub own: Vec<(HeaderName, HeaderValue)>,
    /// Content-Length, also where HEAD or a condition keeps the content back; `None` for statuses without content.
    pub length: Option<u64>,
    /// The content.
    pub body: Body,
    /// Which site answered, for the metrics.
    pub site: Option<usize>,
}

impl Reply {
    /// An answer without content and without Content-Length.
    pub fn empty(status: u16) -> Reply {
        Reply { status, shared: None, own: Vec::new(), length: None, body: Body::Empty, site: None }
    }

    /// A short answer in words, not to be stored.
    pub fn words(status: u16, words: &'static str) -> Reply {
        Reply::text(status, "text/plain; charset=utf-8", Bytes::from_static(words.as_bytes()))
    }

    /// An answer from memory.
    pub fn text(status: u16, media: &'static str, content: Bytes) -> Reply {
        let own = vec![(header::CONTENT_TYPE, HeaderValue::from_static(media))];
        let length = Some(content.len() as u64);
        Reply { length, own, body: Body::One(Piece::Memory(content)), ..Reply::empty(status) }
    }

    /// The status in words.
    pub fn status_words(status: u16) -> Reply {
        let words = match status {
            400 => "400 bad request\n",
            404 => "404 not found\n",
            405 => "405 method not allowed\n",
            406 => "406 not acceptable\n",
            412 => "412 precondition failed\n",
            414 => "414 target too long\n",
            421 => "421 no site of this name here\n",
            431 => "431 request head too large\n",
            501 => "501 method not implemented\n",
            503 => "503 busy, try again\n",
            505 => "505 version not supported\n",
            _ => "500 the file could not be read\n",
        };
        Reply::words(status, words)
    }

    /// With one more field.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Reply {
        self.own.push((name, value));
        self
    }

    /// As an answer to HEAD: everything but the content.
    #[must_use]
    pub fn without_content(mut self) -> Reply {
        self.body = Body::Empty;
        self
    }
}

/// The status line of HTTP/1.1.
pub fn status_line(status: u16) -> &'static [u8] {
    match status {
        200 => b"HTTP/1.1 200 OK\r\n",
        204 => b"HTTP/1.1 204 No Content\r\n",
        206 => b"HTTP/1.1 206 Partial Content\r\n",
        301 => b"HTTP/1.1 301 Moved Permanently\r\n",
        302 => b"HTTP/1.1 302 Found\r\n",
        303 => b"HTTP/1.1 303 See Other\r\n",
        304 => b"HTTP/1.1 304 Not Modified\r\n",
        307 => b"HTTP/1.1 307 Temporary Redirect\r\n",
        308 => b"HTTP/1.1 308 Permanent Redirect\r\n",
        400 => b"HTTP/1.1 400 Bad Request\r\n",
        404 => b"HTTP/1.1 404 Not Found\r\n",
        405 => b"HTTP/1.1 405 Method Not Allowed\r\n",
        406 => b"HTTP/1.1 406 Not Acceptable\r\n",
        410 => b"HTTP/1.1 410 Gone\r\n",
        412 => b"HTTP/1.1 412 Precondition Failed\r\n",
        414 => b"HTTP/1.1 414 URI Too Long\r\n",
        416 => b"HTTP/1.1 416 Range Not Satisfiable\r\n",
        421 => b"HTTP/1.1 421 Misdirected Request\r\n",
        431 => b"HTTP/1.1 431 Request Header Fields Too Large\r\n",
        501 => b"HTTP/1.1 501 Not Implemented\r\n",
        503 => b"HTTP/1.1 503 Service Unavailable\r\n",
        505 => b"HTTP/1.1 505 HTTP Version Not Supported\r\n",
        _ => b"HTTP/1.1 500 Internal Server Error\r\n",
    }
}
