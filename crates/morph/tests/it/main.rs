//! The server over real sockets, asked as clients ask.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod client;
mod conditions;
mod content;
mod end;
mod http2;
mod limits;
mod paths;
mod world;
mod written;
