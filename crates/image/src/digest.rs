//! Digests, and writers that make them on the way.
//!
//! Owns: sha256 as image tools write it. Must not: choose what is digested.

use std::{
    fmt,
    io::{self, Write},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// Of some bytes.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest::finish(Sha256::new().chain_update(bytes))
    }

    fn finish(hasher: Sha256) -> Digest {
        let mut digest = "sha256:".to_owned();
        for byte in hasher.finalize() {
            // Writing to a string does not fail.
            let _ = fmt::Write::write_fmt(&mut digest, format_args!("{byte:02x}"));
        }
        Digest(digest)
    }

    /// The digits alone; empty if this is no sha256, as read from a file it may be.
    pub fn hex(&self) -> &str {
        let hex = self.0.strip_prefix("sha256:").unwrap_or_default();
        if hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()) { hex } else { "" }
    }

    /// As it is written in manifests.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Passes bytes on, and knows their digest and number in the end.
pub struct Digesting<W> {
    inner: W,
    hasher: Sha256,
    size: u64,
}

impl<W: Write> Digesting<W> {
    /// Around a writer.
    pub fn new(inner: W) -> Digesting<W> {
        Digesting { inner, hasher: Sha256::new(), size: 0 }
    }

    /// The writer, the digest and the size.
    pub fn finish(self) -> (W, Digest, u64) {
        (self.inner, Digest::finish(self.hasher), self.size)
    }
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let took = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..took]);
        self.size += took as u64;
        Ok(took)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
