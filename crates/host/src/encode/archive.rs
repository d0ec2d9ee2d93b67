//! A tar archive in memory.

use model::{digest::Sha256, secret::Secret};

/// Files to send, in the order they are unpacked.
pub(super) struct Archive {
    bytes: Vec<u8>,
}

const BLOCK: usize = 512;

impl Archive {
    pub(super) fn new() -> Self {
        Self { bytes: Vec::new() }
    }

    /// Adds a file. Times and owners are not sent: it is unpacked as new and root's.
    pub(super) fn add(&mut self, name: &str, mode: u32, content: &[u8]) {
        let mut header = tar::Header::new_ustar();
        header.set_path(name).expect("names of our own are short and relative");
        header.set_size(content.len() as u64);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_cksum();
        self.reserve(BLOCK + content.len() + BLOCK);
        self.bytes.extend_from_slice(header.as_bytes());
        self.bytes.extend_from_slice(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(BLOCK), 0);
    }

    /// Grows by hand: what is left behind by growing is wiped, since it may be secret.
    fn reserve(&mut self, more: usize) {
        if self.bytes.capacity() - self.bytes.len() < more {
            let mut grown = Vec::with_capacity((self.bytes.len() + more) * 2);
            grown.extend_from_slice(&self.bytes);
            drop(Secret::new(std::mem::replace(&mut self.bytes, grown)));
        }
    }

    pub(super) fn digest(&self) -> Sha256 {
        Sha256::of(&self.bytes)
    }

    /// The whole, with the two empty blocks that end it.
    pub(super) fn finish(mut self) -> Secret {
        self.reserve(2 * BLOCK);
        self.bytes.resize(self.bytes.len() + 2 * BLOCK, 0);
        Secret::new(std::mem::take(&mut self.bytes))
    }
}

impl Drop for Archive {
    fn drop(&mut self) {
        drop(Secret::new(std::mem::take(&mut self.bytes)));
    }
}
