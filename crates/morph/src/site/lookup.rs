//! From a path to its entry: kept, looked at again, or found anew.
//!
//! Owns: when the disk is asked. Must not: choose forms (`represent` does).

use std::{sync::Arc, time::Instant};

use rustix::io::Errno;

use super::{Ask, Outcome, Sites, elsewhere, ready};
use crate::{
    http::reply::Reply,
    page::{
        is_young,
        load::{Making, Wait, is_same, page, since_epoch},
        locate::{Files, Located, locate},
        store::{Entry, Kind},
    },
    tree::Tree,
};

/// Something that takes long and whose result is kept.
pub type Job = Box<dyn FnOnce() + Send>;

/// What a look came to.
enum Looked {
    Entry(Arc<Entry>),
    /// The content is not in the page cache.
    Cold,
    /// The tree was switched away from: it may be about to be removed, and this be the half of it.
    Left,
    Failed,
}

/// How often a request starts again because its tree was left; more switches in one request are no accident.
const RESTARTS: u32 = 16;

impl Sites {
    /// Answers with what lies at a path of a site; all of one tree.
    pub(super) fn path(
        self: &Arc<Self>,
        site: usize,
        path: &[u8],
        query: Option<&[u8]>,
        ask: &Ask<'_>,
    ) -> Outcome {
        self.in_one_tree(site, ask, |tree| match self.entry(tree, site, path, ask.now, ask.wait) {
            Looked::Entry(entry) => match &entry.kind {
                Kind::Page(page) => Some(self.represent(page, 200, ask)),
                Kind::Elsewhere(to) => Some(ready(elsewhere(301, to.as_bytes(), query))),
                Kind::Missing => self.instead(tree, site, ask),
            },
            Looked::Cold => Some(self.warm(tree.clone(), site, path.to_vec())),
            Looked::Left => None,
            Looked::Failed => Some(ready(Reply::status_words(500))),
        })
    }

    /// The answer for what is hidden: the same as for what is not there.
    pub(super) fn missing(self: &Arc<Self>, site: usize, ask: &Ask<'_>) -> Outcome {
        self.in_one_tree(site, ask, |tree| self.instead(tree, site, ask))
    }

    /// Answers from the tree of the moment; `None` begins again with the next.
    fn in_one_tree(
        &self,
        site: usize,
        ask: &Ask<'_>,
        answer: impl Fn(&Arc<Tree>) -> Option<Outcome>,
    ) -> Outcome {
        for _ in 0..RESTARTS {
            let Some(tree) = self.all[site].root.tree(ask.now) else {
                return ready(Reply::status_words(404));
            };
            if let Some(outcome) = answer(&tree) {
                return outcome;
            }
        }
        ready(Reply::status_words(503))
    }

    /// The fallback, else the site's own page for what is missing, else a few words.
    fn instead(self: &Arc<Self>, tree: &Arc<Tree>, site: usize, ask: &Ask<'_>) -> Option<Outcome> {
        let own = &self.all[site];
        for (path, status) in [(&own.fallback, 200), (&own.not_found, 404)] {
            let Some(path) = path else { continue };
            match self.entry(tree, site, path, ask.now, ask.wait) {
                Looked::Entry(entry) => {
                    if let Kind::Page(page) = &entry.kind {
                        return Some(self.represent(page, status, ask));
                    }
                }
                Looked::Cold => return Some(self.warm(tree.clone(), site, path.to_vec())),
                Looked::Left => return None,
                Looked::Failed => return Some(ready(Reply::status_words(500))),
            }
        }
        Some(ready(Reply::status_words(404)))
    }

    /// Loads a page elsewhere, whatever is known of it: what is known was not what the disk has.
    fn warm(self: &Arc<Self>, tree: Arc<Tree>, site: usize, path: Vec<u8>) -> Outcome {
        let sites = self.clone();
        Outcome::Later(Box::new(move || {
            let kept = sites.store.entry(tree.generation, site, &path);
            let _ = sites.look(&tree, site, &path, kept, Instant::now(), Wait::Allowed);
        }))
    }

    fn entry(&self, tree: &Tree, site: usize, path: &[u8], now: Instant, wait: Wait) -> Looked {
        let kept = self.store.entry(tree.generation, site, path);
        let recheck = u64::try_from(self.settings.recheck.as_millis()).unwrap_or(u64::MAX);
        match kept {
            Some(entry) if !entry.is_due(self.elapsed(now), recheck) => Looked::Entry(entry),
            kept => self.look(tree, site, path, kept, now, wait),
        }
    }

    /// Looks at the disk, and makes the entry anew if it is not as it was.
    fn look(
        &self,
        tree: &Tree,
        site: usize,
        path: &[u8],
        kept: Option<Arc<Entry>>,
        now: Instant,
        wait: Wait,
    ) -> Looked {
        let located = locate(tree, &self.all[site].naming, path);
        if let Some(entry) = kept
            && !entry.young
            && is_unchanged(&entry, &located)
        {
            return Looked::Entry(entry);
        }
        if !self.all[site].root.is_current(tree) {
            return Looked::Left;
        }
        match self.make(site, located, self.elapsed(now), wait) {
            Ok(entry) => {
                let entry = Arc::new(entry);
                self.store.keep(tree.generation, site, path, entry.clone());
                Looked::Entry(entry)
            }
            Err(Errno::AGAIN) if wait == Wait::Never => Looked::Cold,
            Err(_) => Looked::Failed,
        }
    }

    /// Milliseconds since the sites were opened.
    fn elapsed(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.begun).as_millis()).unwrap_or(u64::MAX)
    }

    fn make(&self, site: usize, located: Located, elapsed: u64, wait: Wait) -> Result<Entry, Errno> {
        let stamp = located.stamp();
        match located {
            Located::File(files) => {
                let young = stamp.iter().flatten().any(|meta| is_young(meta, since_epoch()));
                let page = page(&files, &self.making(site, &files.path), wait)?;
                // What was changed while it was read is whole again at the next look.
                let young = young || !unchanged_while_read(&files);
                Ok(Entry::new(Kind::Page(Arc::new(page)), stamp, young, elapsed))
            }
            Located::Elsewhere(to) => Ok(Entry::new(Kind::Elsewhere(to.into()), stamp, false, elapsed)),
            Located::Missing => Ok(Entry::new(Kind::Missing, stamp, false, elapsed)),
            Located::Failed(errno) => Err(errno),
        }
    }

    /// How a file of a site is made a page.
    fn making(&self, site: usize, path: &[u8]) -> Making {
        Making {
            in_memory: self.settings.in_memory,
            compress: self.settings.compress,
            rules: self.all[site].fields(path).into(),
        }
    }
}

fn is_unchanged(entry: &Entry, located: &Located) -> bool {
    let same_kind = match (&entry.kind, located) {
        (Kind::Page(_), Located::File(_)) | (Kind::Missing, Located::Missing) => true,
        (Kind::Elsewhere(one), Located::Elsewhere(other)) => **one == **other,
        _ => false,
    };
    same_kind && entry.stamp == located.stamp()
}

fn unchanged_while_read(files: &Files) -> bool {
    let siblings = files.siblings.iter().flatten();
    std::iter::once(&files.plain).chain(siblings).all(|opened| is_same(&opened.file, &opened.meta))
}
