//! Connections: from bytes to requests and from answers to bytes.
//!
//! Owns: both versions of HTTP on a socket, and when a connection is given up. Must not: decide what is answered.

mod body;
pub mod buffers;
pub mod context;
mod h1;
mod h2;
mod render;
mod send;
pub mod slots;

pub use self::{h1::run, render::render};
