//! Pages: files ready to be sent, in every form they have.
//!
//! Owns: contents and their fields, loading, and the caches. Must not: read requests.

pub mod compress;
pub mod load;
pub mod locate;
pub mod store;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{
    http::{
        accept::Coding,
        condition,
        reply::{Block, Piece},
    },
    tree::beneath::Meta,
};

/// One form of a page: plain, or in a content coding.
#[derive(Debug)]
pub struct Variant {
    /// The bytes.
    pub content: Piece,
    /// Bytes of it.
    pub length: u64,
    /// The strong entity tag, quotes included.
    pub etag: Box<[u8]>,
    /// Last change in whole seconds since 1970; `None` where the file system does not tell the truth.
    pub modified: Option<u64>,
    /// The media type, for the heads of parts.
    pub media: &'static str,
    /// Fields of 200 and 206.
    pub whole: Arc<Block>,
    /// Fields of 304.
    pub unchanged: Arc<Block>,
}

/// A file with its forms.
#[derive(Debug)]
pub struct Page {
    /// Names this page in the cache of made forms; never used again for another.
    pub id: u64,
    /// As the file is.
    pub plain: Arc<Variant>,
    /// Precompressed siblings, in the order of [`Coding::COMPRESSED`].
    pub siblings: [Option<Arc<Variant>>; 3],
    /// Whether compressing on the fly is worth trying.
    pub compressible: bool,
    /// Fields from the site's rules, for forms made later.
    pub rules: Arc<[(HeaderName, HeaderValue)]>,
}

impl Page {
    /// The precompressed form, if there is one.
    pub fn sibling(&self, coding: Coding) -> Option<&Arc<Variant>> {
        self.siblings.get(coding as usize).and_then(Option::as_ref)
    }
}

static IDS: AtomicU64 = AtomicU64::new(1);

/// A name for a new page.
pub fn next_id() -> u64 {
    IDS.fetch_add(1, Ordering::Relaxed)
}

/// What a variant is made of, apart from its content.
#[derive(Clone, Debug)]
pub struct Traits {
    /// The media type with charset.
    pub media: &'static str,
    /// The coding.
    pub coding: Coding,
    /// Whether other forms exist, so that caches must tell them apart.
    pub varies: bool,
    /// Fields from the site's rules.
    pub rules: Arc<[(HeaderName, HeaderValue)]>,
}

impl Variant {
    /// A form with all its fields.
    pub fn new(content: Piece, etag: &str, modified: Option<u64>, traits: &Traits) -> Variant {
        let mut map = HeaderMap::with_capacity(8);
        let mut put = |name: HeaderName, text: &str| {
            // Tags and dates are made here of digits and letters; they always fit.
            if let Ok(value) = HeaderValue::from_str(text) {
                map.insert(name, value);
            }
        };
        put(header::ETAG, etag);
        if let Some(modified) = modified {
            put(header::LAST_MODIFIED, &condition::date(modified));
        }
        if traits.varies {
            put(header::VARY, "accept-encoding");
        }
        for (name, value) in traits.rules.iter() {
            if *name == header::VARY && traits.varies {
                map.append(name, value.clone());
            } else {
                map.insert(name, value.clone());
            }
        }
        let mut unchanged = map.clone();
        // The type describes content, and 304 has none.
        unchanged.remove(header::CONTENT_TYPE);
        map.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static(traits.media));
        map.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        if traits.coding != Coding::Identity {
            map.insert(header::CONTENT_ENCODING, HeaderValue::from_static(traits.coding.name()));
        }
        Variant {
            length: content.len(),
            content,
            etag: etag.as_bytes().into(),
            modified,
            media: traits.media,
            whole: Arc::new(Block::new(map)),
            unchanged: Arc::new(Block::new(unchanged)),
        }
    }

    /// What it costs to keep: its content if that is in memory, and its fields.
    pub fn weight(&self) -> u64 {
        let content = match &self.content {
            Piece::Memory(bytes) => bytes.len() as u64,
            Piece::File(..) => 0,
        };
        content + 2048
    }
}

/// The time of the last change, unless it was set to nothing in particular: reproducible archives and images put a
/// constant near the epoch there, and two different contents must not look the same age.
pub fn modified(meta: &Meta) -> Option<u64> {
    const TOLD: i64 = 10 * 365 * 86_400;
    (meta.modified.0 > TOLD).then(|| u64::try_from(meta.modified.0).ok())?
}

/// Whether a file was changed so recently that another change could leave the same times behind: clocks of file
/// systems tick every few milliseconds.
pub fn is_young(meta: &Meta, now: Duration) -> bool {
    let changed = meta.modified.max(meta.changed);
    let changed = Duration::new(u64::try_from(changed.0).unwrap_or_default(), changed.1);
    now.saturating_sub(changed) < Duration::from_millis(50)
}
