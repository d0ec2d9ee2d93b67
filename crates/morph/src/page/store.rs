//! What is kept between requests: what lies at which path, and forms made on the fly.
//!
//! Owns: the bound on memory and open files, and how long a look is believed. Must not: decide what to send.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use quick_cache::{DefaultHashBuilder, Equivalent, OptionsBuilder, Weighter, sync, sync::DefaultLifecycle};

use super::{Page, Variant, locate::Stamp};
use crate::{
    config::Cache,
    http::{accept::Coding, reply::Piece},
};

/// What answers a path.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A page.
    Page(Arc<Page>),
    /// Another address, escaped.
    Elsewhere(Arc<str>),
    /// Nothing.
    Missing,
}

/// What was found at a path, and when.
#[derive(Debug)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// The states of the files it was made from.
    pub stamp: Stamp,
    /// Whether a file was so young that its times say little; then the next look makes it again.
    pub young: bool,
    /// Milliseconds of the server's life at the last look.
    looked: AtomicU64,
}

impl Entry {
    /// Something found just now.
    pub fn new(kind: Kind, stamp: Stamp, young: bool, now: u64) -> Entry {
        Entry { kind, stamp, young, looked: AtomicU64::new(now) }
    }

    /// Whether it is to be looked at again; says yes to one asker at a time.
    pub fn is_due(&self, now: u64, recheck: u64) -> bool {
        let looked = self.looked.load(Ordering::Relaxed);
        now.saturating_sub(looked) >= recheck
            && self.looked.compare_exchange(looked, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[derive(Debug, Hash, PartialEq, Eq)]
struct Key {
    generation: u64,
    site: usize,
    path: Box<[u8]>,
}

#[derive(Hash)]
struct Asked<'a> {
    generation: u64,
    site: usize,
    path: &'a [u8],
}

impl Equivalent<Key> for Asked<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.generation == key.generation && self.site == key.site && *self.path == *key.path
    }
}

#[derive(Clone, Debug)]
struct ByCost {
    /// What a file held open counts, so that as many fit as may be open.
    open: u64,
}

impl ByCost {
    fn variant(&self, variant: &Variant) -> u64 {
        let open = if matches!(variant.content, Piece::File(..)) { self.open } else { 0 };
        variant.weight() + open
    }
}

impl Weighter<Key, Arc<Entry>> for ByCost {
    fn weight(&self, key: &Key, entry: &Arc<Entry>) -> u64 {
        let kind = match &entry.kind {
            Kind::Page(page) => {
                self.variant(&page.plain)
                    + page.siblings.iter().flatten().map(|variant| self.variant(variant)).sum::<u64>()
            }
            Kind::Elsewhere(_) | Kind::Missing => 0,
        };
        kind + key.path.len() as u64 + 384
    }
}

impl Weighter<(u64, Coding), Option<Arc<Variant>>> for ByCost {
    fn weight(&self, _: &(u64, Coding), made: &Option<Arc<Variant>>) -> u64 {
        made.as_ref().map_or(128, |variant| self.variant(variant))
    }
}

/// A cache in so few parts that each has room for several of the largest things.
fn bounded<K: Eq + std::hash::Hash, V: Clone>(
    memory: u64,
    largest: u64,
    cost: ByCost,
) -> sync::Cache<K, V, ByCost>
where
    ByCost: Weighter<K, V>,
{
    let parts = usize::try_from(memory / (largest.max(1) * 8)).unwrap_or(1).clamp(1, 16);
    let items = usize::try_from(memory / 8192).unwrap_or(usize::MAX).max(64);
    let options =
        OptionsBuilder::new().estimated_items_capacity(items).weight_capacity(memory).shards(parts).build();
    let options = options.expect("items and weight are given");
    sync::Cache::with_options(options, cost, DefaultHashBuilder::default(), DefaultLifecycle::default())
}

/// The caches of a server.
#[derive(Debug)]
pub struct Store {
    entries: sync::Cache<Key, Arc<Entry>, ByCost>,
    made: sync::Cache<(u64, Coding), Option<Arc<Variant>>, ByCost>,
}

impl Store {
    /// Empty caches: three quarters of the memory for files, one for what is made of them.
    pub fn new(cache: &Cache) -> Store {
        let (files, made) = (cache.memory / 4 * 3, cache.memory / 4);
        let cost = ByCost { open: files / cache.open_files.max(1) };
        Store {
            entries: bounded(files, cache.file.max(cost.open), cost.clone()),
            made: bounded(made, cache.compress, cost),
        }
    }

    /// What was found at a path of a tree.
    pub fn entry(&self, generation: u64, site: usize, path: &[u8]) -> Option<Arc<Entry>> {
        self.entries.get(&Asked { generation, site, path })
    }

    /// Keeps what was found.
    pub fn keep(&self, generation: u64, site: usize, path: &[u8], entry: Arc<Entry>) {
        self.entries.insert(Key { generation, site, path: path.into() }, entry);
    }

    /// A form made earlier; `Some(None)` when making it did not pay.
    pub fn made(&self, page: u64, coding: Coding) -> Option<Option<Arc<Variant>>> {
        self.made.get(&(page, coding))
    }

    /// Keeps a form that was made.
    pub fn keep_made(&self, page: u64, coding: Coding, variant: Option<Arc<Variant>>) {
        self.made.insert((page, coding), variant);
    }

    /// Bytes counted in the two caches.
    pub fn weights(&self) -> (u64, u64) {
        (self.entries.weight(), self.made.weight())
    }
}
