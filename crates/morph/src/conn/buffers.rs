//! Buffers that belong to whoever is at work, so that ten thousand idle connections hold none.
//!
//! Owns: lending and taking back, one pool a thread. Must not: let a buffer that has grown large live on.

use std::cell::RefCell;

use super::render::Sent;

/// What one connection needs while it works.
#[derive(Debug, Default)]
pub struct Buffers {
    /// Bytes read and not yet understood.
    pub input: Vec<u8>,
    /// Bytes to write.
    pub output: Vec<u8>,
    /// Answers whose bytes are in `output`.
    pub(super) batch: Vec<Sent>,
}

/// Buffers kept for the next.
const KEPT: usize = 128;
/// Larger ones are given back to the allocator.
const LARGEST: usize = 64 << 10;

thread_local! {
    static POOL: RefCell<Vec<Buffers>> = const { RefCell::new(Vec::new()) };
}

/// Empty buffers.
pub fn borrow() -> Buffers {
    POOL.with_borrow_mut(Vec::pop).unwrap_or_default()
}

/// Takes buffers back.
pub fn give_back(mut buffers: Buffers) {
    let large = buffers.input.capacity() > LARGEST
        || buffers.output.capacity() > LARGEST
        || buffers.batch.capacity() > 64;
    if large {
        return;
    }
    buffers.input.clear();
    buffers.output.clear();
    buffers.batch.clear();
    POOL.with_borrow_mut(|pool| {
        if pool.len() < KEPT {
            pool.push(buffers);
        }
    });
}
