//! From open files to pages.
//!
//! Owns: what is held in memory and what is kept open, entity tags, reads that do not wait for a disk. Must not: look for files.

use std::{
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    time::SystemTime,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use rustix::{
    fs::fstat,
    io::{Errno, ReadWriteFlags, pread, preadv2},
};
use twox_hash::XxHash3_128;

use super::{Page, Traits, Variant, locate::Files, modified, next_id};
use crate::{
    http::{accept::Coding, mime, reply::Piece},
    tree::beneath::{Meta, Opened},
};

/// How a page is made.
#[derive(Clone, Debug)]
pub struct Making {
    /// The largest file that is held in memory.
    pub in_memory: u64,
    /// The largest that is compressed on the fly; zero for none.
    pub compress: u64,
    /// Fields from the site's rules.
    pub rules: Arc<[(HeaderName, HeaderValue)]>,
}

/// Whether a read may wait for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// It may.
    Allowed,
    /// What is not in the page cache is `AGAIN`.
    Never,
}

/// Reads a page. Handles are shared with the page where they are kept, so a failed attempt that may not wait can be
/// repeated with one that may.
pub fn page(files: &Files, making: &Making, wait: Wait) -> Result<Page, Errno> {
    let media = mime::of(&files.path);
    let compressible = mime::is_compressible(media);
    let plain_traits = |coding, varies| Traits { media, coding, varies, rules: making.rules.clone() };
    let has_sibling = files.siblings.iter().any(Option::is_some);
    let made = compressible && files.plain.meta.size <= making.compress && files.plain.meta.size > 256;
    let varies = has_sibling || made;
    let plain = variant(&files.plain, making, &plain_traits(Coding::Identity, varies), wait)?;
    let mut siblings = [None, None, None];
    for ((coding, opened), place) in Coding::COMPRESSED.into_iter().zip(&files.siblings).zip(&mut siblings) {
        if let Some(opened) = opened {
            *place = Some(Arc::new(variant(opened, making, &plain_traits(coding, varies), wait)?));
        }
    }
    Ok(Page {
        id: next_id(),
        plain: Arc::new(plain),
        siblings,
        compressible: made,
        rules: making.rules.clone(),
    })
}

/// A page's form that is made and not read.
pub fn made(page: &Page, coding: Coding, content: Vec<u8>) -> Variant {
    let traits = Traits { media: page.plain.media, coding, varies: true, rules: page.rules.clone() };
    let plain = String::from_utf8_lossy(&page.plain.etag);
    let etag = format!("{}-{}\"", plain.trim_end_matches('"'), coding.name());
    Variant::new(Piece::Memory(Bytes::from(content)), &etag, page.plain.modified, &traits)
}

/// All of a variant's content, for making another of it.
pub fn content(variant: &Variant) -> Result<Bytes, Errno> {
    match &variant.content {
        Piece::Memory(bytes) => Ok(bytes.clone()),
        Piece::File(file, range) => {
            let length = usize::try_from(range.end - range.start).map_err(|_| Errno::FBIG)?;
            read(file.as_fd(), length, Wait::Allowed).map(Bytes::from)
        }
    }
}

fn variant(opened: &Opened, making: &Making, traits: &Traits, wait: Wait) -> Result<Variant, Errno> {
    let meta = &opened.meta;
    let suffix = if traits.coding == Coding::Identity { "" } else { traits.coding.name() };
    if meta.size > making.in_memory {
        let handle = rustix::io::fcntl_dupfd_cloexec(&opened.file, 0)?;
        return Ok(Variant::new(
            Piece::File(Arc::new(handle), 0..meta.size),
            &state_tag(meta, suffix),
            modified(meta),
            traits,
        ));
    }
    let length = usize::try_from(meta.size).map_err(|_| Errno::FBIG)?;
    let content = read(opened.file.as_fd(), length, wait)?;
    let etag = content_tag(&content, suffix);
    Ok(Variant::new(Piece::Memory(Bytes::from(content)), &etag, modified(meta), traits))
}

/// Reads `length` bytes from the beginning; fewer are `AGAIN`, for then the file is being written.
fn read(file: impl AsFd, length: usize, wait: Wait) -> Result<Vec<u8>, Errno> {
    let mut content = vec![0; length];
    let mut at = 0;
    while at < length {
        let offset = at as u64;
        let got = match wait {
            Wait::Allowed => pread(&file, &mut content[at..], offset),
            Wait::Never => without_waiting(&file, &mut content[at..], offset),
        };
        match got {
            Ok(0) => return Err(Errno::AGAIN),
            Ok(more) => at += more,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(content)
}

/// Reads what the page cache holds; file systems that cannot tell are read as usual.
pub fn without_waiting(file: impl AsFd, into: &mut [u8], offset: u64) -> Result<usize, Errno> {
    let mut slices = [std::io::IoSliceMut::new(into)];
    match preadv2(&file, &mut slices, offset, ReadWriteFlags::NOWAIT) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => pread(&file, into, offset),
        other => other,
    }
}

/// A tag of the content: the same on every replica, whatever times its copy of the file carries. It tells versions of a
/// file apart and proves nothing; a digest that proves would be most of what a file costs that is read for the first time.
fn content_tag(content: &[u8], suffix: &str) -> String {
    close(format!("\"{:032x}", XxHash3_128::oneshot(content)), suffix)
}

/// A tag of the state, for files too large to be read first. Where the time of the last change is a constant, the
/// time of the last change of state tells contents apart.
fn state_tag(meta: &Meta, suffix: &str) -> String {
    let time = if modified(meta).is_some() { meta.modified } else { meta.changed };
    close(format!("\"{:x}.{:x}-{:x}", time.0, time.1, meta.size), suffix)
}

fn close(mut tag: String, suffix: &str) -> String {
    if !suffix.is_empty() {
        tag.push('-');
        tag.push_str(suffix);
    }
    tag.push('"');
    tag
}

/// Whether a file is still as it was when it was opened.
pub fn is_same(file: &OwnedFd, meta: &Meta) -> bool {
    fstat(file).is_ok_and(|stat| {
        (stat.st_mtime, stat.st_ctime) == (meta.modified.0, meta.changed.0)
            && u64::try_from(stat.st_size) == Ok(meta.size)
    })
}

/// The time since 1970.
pub fn since_epoch() -> std::time::Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
