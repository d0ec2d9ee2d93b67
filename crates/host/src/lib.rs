//! Operations as POSIX shell, and what the shell answers as replies: `Exec` in, bytes out; bytes in, `Said` out.
//!
//! Owns: the remote command line, the archive that is sent to it, the static scripts in it, and the reading of what
//! they say. Must not: send or receive anything itself, or decide what is done.
//!
//! The way of an exec: [`remote()`] is run as the remote command; what [`encode()`] gave is written to its standard
//! input; every byte of its standard output is fed to the [`Decoder`], which hands out what was said; at the end
//! [`Decoder::finish`] judges whether it was all.

mod decode;
mod encode;
mod remote;

pub use decode::Decoder;
pub use encode::{Input, Tree, encode, encode_in};
pub use remote::{Escalation, READY, remote};
