//! A simulated disk: a tree of paths.
//!
//! Owns: what is at a path, and what facts about it say. Must not: know why anything is placed there.

use std::collections::BTreeMap;

use model::{
    digest::Sha256,
    facts::{Content, FileFact, FileMeta},
};
use serde::{Deserialize, Serialize};

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Blob {
    /// The bytes; `None` when only what `told` says is known of them.
    bytes: Option<Vec<u8>>,
    /// What facts say of it, when it came from facts, or stands for another file of that digest.
    told: Option<Content>,
}

impl Blob {
    pub(crate) fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: Some(bytes.into()), told: None }
    }

    /// A file known from facts alone.
    pub(crate) fn told(content: Content) -> Self {
        Self { bytes: None, told: Some(content) }
    }

    /// Bytes that stand for a file of this digest.
    pub(crate) fn standing_for(bytes: Vec<u8>, digest: Sha256) -> Self {
        Self { bytes: Some(bytes), told: Some(Content::Digest(digest)) }
    }

    /// Bytes that stand for those of a file known from facts.
    pub(crate) fn told_with(bytes: Vec<u8>, content: Content) -> Self {
        Self { bytes: Some(bytes), told: Some(content) }
    }

    /// Whether facts say more of it than its bytes.
    pub(crate) fn is_told(&self) -> bool {
        self.told.is_some()
    }

    /// What facts say of it.
    pub(crate) fn content(&self) -> Option<Content> {
        self.told.clone()
    }

    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        self.bytes.as_deref()
    }

    /// The text, when it is known.
    pub(crate) fn text(&self) -> Option<String> {
        self.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// The digest, when it is known.
    pub(crate) fn digest(&self) -> Option<Sha256> {
        match (&self.told, &self.bytes) {
            (Some(Content::Digest(digest)), _) => Some(digest.clone()),
            (_, Some(bytes)) => Some(Sha256::of(bytes)),
            (_, None) => None,
        }
    }

    /// The digest with this host's key.
    pub(crate) fn keyed(&self, key: &str) -> Sha256 {
        match &self.told {
            Some(Content::Keyed { digest, .. }) => digest.clone(),
            _ => Sha256::of(
                format!("{key} {}", self.digest().map_or_else(String::new, String::from)).as_bytes(),
            ),
        }
    }

    /// Whether it holds what another one, which is not known from facts, holds.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        match (&other.told, &other.bytes) {
            (None, Some(bytes)) => self.holds(bytes),
            _ => self.digest() == other.digest(),
        }
    }

    /// Whether it holds exactly these bytes.
    pub(crate) fn holds(&self, bytes: &[u8]) -> bool {
        match &self.told {
            Some(Content::Digest(digest)) => *digest == Sha256::of(bytes),
            Some(Content::Keyed { wanted, .. }) => *wanted == Some(true),
            Some(Content::Unread) | None => self.bytes.as_deref() == Some(bytes),
        }
    }
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Entry {
    File { meta: FileMeta, blob: Blob },
    Dir { meta: FileMeta },
    Link { target: String },
    Special,
}

/// A tree of paths. A directory need not stand in it to be there: anything below it is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Disk(BTreeMap<String, Entry>);

/// Mode with root as owner and group.
pub(crate) fn root(mode: u32) -> FileMeta {
    FileMeta { mode, owner: "root".into(), group: "root".into() }
}

impl Disk {
    pub(crate) fn get(&self, path: &str) -> Option<Entry> {
        self.0.get(path).cloned().or_else(|| self.has_below(path).then(|| Entry::Dir { meta: root(0o755) }))
    }

    /// Whether anything is at the path.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.0.contains_key(path) || self.has_below(path)
    }

    /// Paths below a directory, at any depth, in order.
    pub(crate) fn below(&self, path: &str) -> impl Iterator<Item = &String> {
        let prefix = format!("{}/", path.trim_end_matches('/'));
        self.0.range(prefix.clone()..).map(|(path, _)| path).take_while(move |path| path.starts_with(&prefix))
    }

    /// Whether anything is below it.
    pub(crate) fn has_below(&self, path: &str) -> bool {
        self.below(path).next().is_some()
    }

    /// The file at a path, links followed.
    pub(crate) fn file(&self, path: &str) -> Option<&Blob> {
        let mut at = path;
        for _ in 0..8 {
            match self.0.get(at)? {
                Entry::File { blob, .. } => return Some(blob),
                Entry::Link { target } => at = target,
                Entry::Dir { .. } | Entry::Special => return None,
            }
        }
        None
    }

    /// The text of the file at a path, links followed; `None` when it is not there or not known.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        self.file(path)?.text()
    }

    /// Puts something at a path. The directories above it are made where they are missing.
    pub(crate) fn put(&mut self, path: &str, entry: Entry) -> Result<(), String> {
        for (end, _) in path.match_indices('/').skip(1) {
            let above = &path[..end];
            match self.0.get(above) {
                Some(Entry::Dir { .. } | Entry::Link { .. }) => {}
                Some(_) => return Err(format!("{above}: not a directory")),
                None => {
                    self.0.insert(above.to_owned(), Entry::Dir { meta: root(0o755) });
                }
            }
        }
        self.0.insert(path.to_owned(), entry);
        Ok(())
    }

    /// Puts a file of root's at a path. For the world's own doings, which never fail.
    pub(crate) fn write(&mut self, path: &str, mode: u32, bytes: impl Into<Vec<u8>>) {
        let entry = Entry::File { meta: root(mode), blob: Blob::new(bytes) };
        self.put(path, entry).expect("the world writes below directories");
    }

    pub(crate) fn link(&mut self, path: &str, target: &str) {
        let entry = Entry::Link { target: target.to_owned() };
        self.put(path, entry).expect("the world writes below directories");
    }

    /// Removes what is at a path, and everything below it.
    pub(crate) fn remove(&mut self, path: &str) -> bool {
        let doomed: Vec<_> = self.below(path).cloned().collect();
        let had = self.0.remove(path).is_some();
        doomed.iter().fold(had, |had, path| self.0.remove(path).is_some() || had)
    }

    /// Removes the path alone, which must have nothing below it.
    pub(crate) fn remove_empty(&mut self, path: &str) {
        if !self.has_below(path) {
            self.0.remove(path);
        }
    }

    /// What facts say of a path, with the content as `content` sees it.
    pub(crate) fn fact(&self, path: &str, content: impl FnOnce(&Blob) -> Content) -> FileFact {
        match self.get(path) {
            None => FileFact::Absent,
            Some(Entry::File { meta, blob }) => FileFact::File { meta, content: content(&blob) },
            Some(Entry::Dir { meta }) => FileFact::Dir { meta },
            Some(Entry::Link { target }) => FileFact::Link { target },
            Some(Entry::Special) => FileFact::Special,
        }
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_above_a_file_are_made_and_a_file_is_no_directory() {
        let mut disk = Disk::default();
        disk.write("/etc/a/b", 0o644, "text");
        assert_eq!(disk.get("/etc/a"), Some(Entry::Dir { meta: root(0o755) }));
        let entry = Entry::Link { target: "x".into() };
        assert_eq!(disk.put("/etc/a/b/c", entry), Err("/etc/a/b: not a directory".into()));
    }

    #[test]
    fn removing_a_directory_takes_what_is_below_and_nothing_beside_it() {
        let mut disk = Disk::default();
        disk.write("/var/lib/a/1", 0o644, "");
        disk.write("/var/lib/ab", 0o644, "");
        assert!(disk.remove("/var/lib/a"));
        assert!(!disk.has("/var/lib/a") && !disk.has("/var/lib/a/1") && disk.has("/var/lib/ab"));
    }

    #[test]
    fn a_file_is_read_through_links() {
        let mut disk = Disk::default();
        disk.write("/a", 0o600, "secret");
        disk.link("/b", "/a");
        disk.link("/loop", "/loop");
        assert_eq!(disk.text("/b").as_deref(), Some("secret"));
        assert_eq!(disk.text("/loop"), None);
    }
}
