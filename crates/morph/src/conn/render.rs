//! Answers as the bytes of HTTP/1.1.
//!
//! Owns: heads, and what goes along with them in one write. Must not: write to sockets.

use std::{cell::RefCell, ops::Range, os::fd::OwnedFd, time::Instant};

use crate::{
    http::{
        condition,
        head::After,
        reply::{Body, Piece, Reply, line, status_line},
    },
    log::Noted,
    page::load::{since_epoch, without_waiting},
};

/// An answer on its way, to be counted when it is out.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) site: Option<usize>,
    pub(super) status: u16,
    pub(super) bytes: u64,
    pub(super) began: Instant,
    pub(super) noted: Option<Noted>,
}

/// Contents up to this size are copied behind their head: cheaper than a second piece in the write.
const COPIED: usize = 8 << 10;
/// Parts of files up to this size are read behind their head: two calls of the kernel instead of four.
const READ: u64 = 32 << 10;

/// Appends an answer's head, and its content if that is small; gives back the content that is still to be sent.
pub fn render(reply: Reply, after: &After, close: bool, output: &mut Vec<u8>) -> Body {
    output.extend_from_slice(status_line(reply.status));
    with_date(|date| output.extend_from_slice(date));
    if let Some(shared) = &reply.shared {
        output.extend_from_slice(&shared.lines);
    }
    for (name, value) in &reply.own {
        line(output, name, value.as_bytes());
    }
    if let Some(length) = reply.length {
        output.extend_from_slice(b"content-length: ");
        number(output, length);
        output.extend_from_slice(b"\r\n");
    }
    if close {
        output.extend_from_slice(b"connection: close\r\n");
    } else if after.old {
        output.extend_from_slice(b"connection: keep-alive\r\n");
    }
    output.extend_from_slice(b"\r\n");
    match reply.body {
        Body::One(Piece::Memory(bytes)) if bytes.len() <= COPIED => {
            output.extend_from_slice(&bytes);
            Body::Empty
        }
        Body::One(Piece::File(file, range)) if range.end - range.start <= READ => {
            if append(&file, &range, output) { Body::Empty } else { Body::One(Piece::File(file, range)) }
        }
        body => body,
    }
}

/// Appends a part of a file if the page cache has all of it.
fn append(file: &OwnedFd, range: &Range<u64>, output: &mut Vec<u8>) -> bool {
    let Ok(length) = usize::try_from(range.end - range.start) else { return false };
    let begin = output.len();
    output.resize(begin + length, 0);
    let whole = without_waiting(file, &mut output[begin..], range.start) == Ok(length);
    if !whole {
        output.truncate(begin);
    }
    whole
}

fn number(output: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
        if number == 0 {
            break;
        }
    }
    output.extend_from_slice(&digits[at..]);
}

/// The Date field, written once a second.
fn with_date(take: impl FnOnce(&[u8])) {
    thread_local! {
        static DATE: RefCell<(u64, Vec<u8>)> = const { RefCell::new((0, Vec::new())) };
    }
    let now = since_epoch().as_secs();
    DATE.with_borrow_mut(|(of, field)| {
        if *of != now {
            *of = now;
            *field = format!("date: {}\r\n", condition::date(now)).into_bytes();
        }
        take(field);
    });
}
