//! ACME challenges (RFC 8555 section 8.3): before everything, and exactly as they were put there.
//!
//! Owns: where tokens are looked for. Must not: redirect, rewrite, compress or keep them.

use std::time::Instant;

use bytes::Bytes;
use http::{HeaderValue, header};
use rustix::io::{Errno, pread};

use super::Sites;
use crate::{http::reply::Reply, tree::Tree};

/// Where challenges are asked for.
pub(super) const PREFIX: &[u8] = b"/.well-known/acme-challenge/";

/// A key authorisation is a token, a dot and a digest: well below this.
const LARGEST: usize = 4096;

impl Sites {
    /// The answer to a challenge: from the directory for all hosts, or from the site itself.
    pub(super) fn challenge(&self, token: &[u8], site: Option<usize>, now: Instant) -> Reply {
        // The alphabet of base64url, which is all that a token may be made of.
        let fine = !token.is_empty()
            && token.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let shared = || read(&*self.acme.as_ref()?.tree(now)?, token);
        let own = || read(&*self.all[site?].root.tree(now)?, &[PREFIX, token].concat());
        match fine.then(|| shared().or_else(own)).flatten() {
            Some(content) => Reply::text(200, "text/plain; charset=utf-8", Bytes::from(content))
                .with(header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            None => Reply::status_words(404),
        }
    }
}

fn read(tree: &Tree, path: &[u8]) -> Option<Vec<u8>> {
    let opened = tree.open(path).ok().filter(|opened| !opened.meta.directory)?;
    let mut content = vec![0; LARGEST];
    let mut length = 0;
    loop {
        match pread(&opened.file, &mut content[length..], length as u64) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(Errno::INTR) => {}
            Err(_) => return None,
        }
        if length == LARGEST {
            return None;
        }
    }
    content.truncate(length);
    Some(content)
}
