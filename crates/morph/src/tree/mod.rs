//! Trees: what a site's root leads to at one moment.
//!
//! Owns: the handle on the tree a link leads to, and noticing when it leads elsewhere. Must not: know HTTP.

pub mod beneath;
mod walk;

use std::{
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::{
    fs::{CWD, Mode, OFlags, fstat, open, statat},
    io::Errno,
};

use self::beneath::{Meta, Opened};

/// How long the link is believed. A reader that asks more often would stat it a hundred thousand times a second.
const BELIEVED: Duration = Duration::from_millis(1);

/// A directory, held open: whatever happens to the link or the names above it, this stays the same tree.
#[derive(Debug)]
pub struct Tree {
    handle: OwnedFd,
    identity: (u64, u64),
    /// Which switch this is, counted over all roots; part of the caches' keys.
    pub generation: u64,
}

impl Tree {
    /// Opens what lies at a path beneath the tree; the path begins with a slash and is relative to the tree.
    pub fn open(&self, path: &[u8]) -> Result<Opened, Errno> {
        beneath::open(&self.handle, path)
    }

    /// What is known of a path beneath the tree.
    pub fn look(&self, path: &[u8]) -> Result<Meta, Errno> {
        self.open(path).map(|opened| opened.meta)
    }
}

/// A root: a path that leads to a tree, perhaps through a link that is switched.
#[derive(Debug)]
pub struct Root {
    path: PathBuf,
    current: RwLock<Option<Arc<Tree>>>,
    /// Nanoseconds since `begun` when the link was last looked at.
    looked: AtomicU64,
    begun: Instant,
    believed: Duration,
}

/// Counts trees of all roots, so that a generation names one tree in the whole process.
static GENERATIONS: AtomicU64 = AtomicU64::new(1);

impl Root {
    /// A root that may lead nowhere yet.
    pub fn new(path: &Path) -> Root {
        let root = Root {
            path: path.to_owned(),
            current: RwLock::new(None),
            looked: AtomicU64::new(0),
            begun: Instant::now(),
            believed: BELIEVED,
        };
        root.look();
        root
    }

    /// The same, but the link is looked at for each request.
    #[must_use]
    pub fn never_believed(mut self) -> Root {
        self.believed = Duration::ZERO;
        self
    }

    /// The tree that the root leads to now; `None` when it leads nowhere.
    pub fn tree(&self, now: Instant) -> Option<Arc<Tree>> {
        let elapsed = u64::try_from(now.saturating_duration_since(self.begun).as_nanos()).unwrap_or(u64::MAX);
        let believed = u64::try_from(self.believed.as_nanos()).unwrap_or(u64::MAX);
        let looked = self.looked.load(Ordering::Acquire);
        if elapsed.saturating_sub(looked) < believed {
            return self.known();
        }
        let tree = self.look();
        // Written after the look: nobody may believe a look that was begun but not ended.
        self.looked.fetch_max(elapsed, Ordering::AcqRel);
        tree
    }

    /// Whether a tree is what the root leads to, looked at now.
    pub fn is_current(&self, tree: &Tree) -> bool {
        self.look().is_some_and(|current| current.generation == tree.generation)
    }

    /// Where it was configured.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn known(&self) -> Option<Arc<Tree>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What this look found, and not what is known after it: that may be what a slower look found before a switch.
    fn look(&self) -> Option<Arc<Tree>> {
        let found =
            statat(CWD, &self.path, rustix::fs::AtFlags::empty()).ok().map(|stat| (stat.st_dev, stat.st_ino));
        let known = self.known();
        if found == known.as_ref().map(|tree| tree.identity) {
            return known;
        }
        // Opened under the lock, so that what is opened later is also what is written later.
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let fresh = self.open().ok();
        if fresh.as_ref().map(|tree| tree.identity) != current.as_ref().map(|tree| tree.identity) {
            *current = fresh.map(Arc::new);
        }
        current.clone()
    }

    fn open(&self) -> Result<Tree, Errno> {
        let handle = open(&self.path, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        let stat = fstat(&handle)?;
        // The inode cannot be given to another directory while it is held open, so the pair is enough to know it by.
        let generation = GENERATIONS.fetch_add(1, Ordering::Relaxed);
        Ok(Tree { handle, identity: (stat.st_dev, stat.st_ino), generation })
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    fn read(tree: &Tree, path: &str) -> Option<u64> {
        tree.look(path.as_bytes()).ok().map(|meta| meta.size)
    }

    #[test]
    fn a_switched_link_is_seen_and_who_holds_the_old_tree_keeps_it() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("one", "1"), ("two", "22")] {
            fs::create_dir(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join("x"), text).unwrap();
        }
        let link = folder.path().join("current");
        symlink("one", &link).unwrap();
        let root = Root::new(&link).never_believed();
        let old = root.tree(Instant::now()).unwrap();
        symlink("two", folder.path().join("next")).unwrap();
        fs::rename(folder.path().join("next"), &link).unwrap();
        let new = root.tree(Instant::now()).unwrap();
        assert_eq!((read(&old, "/x"), read(&new, "/x")), (Some(1), Some(2)));
        assert_ne!(old.generation, new.generation);
    }

    #[test]
    fn a_root_may_come_later_and_go_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("later");
        let root = Root::new(&path).never_believed();
        assert!(root.tree(Instant::now()).is_none());
        fs::create_dir(&path).unwrap();
        assert!(root.tree(Instant::now()).is_some());
        fs::remove_dir(&path).unwrap();
        assert!(root.tree(Instant::now()).is_none());
    }
}
