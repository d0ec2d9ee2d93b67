//! Layers as archives whose bytes depend on content alone.
//!
//! Owns: order, owners, modes and times in an archive. Must not: compress or digest.

use std::{
    fs::{self, File, Metadata},
    io::{self, Write},
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
    path::{Path, PathBuf},
};

use tar::{Builder, EntryType, Header};

/// What kept a layer from being written.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// A file could not be read.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The archive could not be written.
    #[error("writing a layer: {0}")]
    Archive(io::Error),
    /// Something that no image should hold.
    #[error("{path}: {what}")]
    Foreign {
        /// Which.
        path: PathBuf,
        /// What it is, and what to do.
        what: &'static str,
    },
    /// A place that is not one.
    #[error("`{0}` is no place in an image; write an absolute path without `..`")]
    Place(String),
}

impl LayerError {
    pub(super) fn io(path: &Path, error: io::Error) -> LayerError {
        LayerError::Io { path: path.to_owned(), error }
    }

    pub(super) fn archive(error: io::Error) -> LayerError {
        LayerError::Archive(error)
    }
}

/// One program, and the directories above it.
pub(super) fn program(
    into: &mut dyn Write,
    place: &str,
    bytes: &[u8],
    created: u64,
) -> Result<(), LayerError> {
    let mut archive = Archive { tar: Builder::new(into), created };
    let place = placed(place)?;
    archive.above(&place)?;
    let mut header = archive.header(EntryType::Regular, 0o755, bytes.len() as u64);
    archive.tar.append_data(&mut header, &place, bytes).map_err(LayerError::archive)?;
    archive.tar.finish().map_err(LayerError::archive)
}

/// A tree, sorted by name.
pub(super) fn tree(into: &mut dyn Write, source: &Path, place: &str, created: u64) -> Result<(), LayerError> {
    let mut archive = Archive { tar: Builder::new(into), created };
    let place = placed(place)?;
    archive.above(&place)?;
    archive.directory(&place)?;
    archive.walk(source, &place)?;
    archive.tar.finish().map_err(LayerError::archive)
}

/// A path in the image, relative as archives want it.
fn placed(place: &str) -> Result<PathBuf, LayerError> {
    let fine = place.starts_with('/') && !place.split('/').any(|segment| matches!(segment, "." | ".."));
    let relative = place.trim_matches('/');
    if fine && !relative.is_empty() {
        Ok(PathBuf::from(relative))
    } else {
        Err(LayerError::Place(place.to_owned()))
    }
}

struct Archive<'a> {
    tar: Builder<&'a mut dyn Write>,
    created: u64,
}

impl Archive<'_> {
    fn header(&self, kind: EntryType, mode: u32, size: u64) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size);
        header.set_mtime(self.created);
        header.set_uid(0);
        header.set_gid(0);
        header
    }

    fn directory(&mut self, place: &Path) -> Result<(), LayerError> {
        let mut header = self.header(EntryType::Directory, 0o755, 0);
        let mut name = place.as_os_str().to_owned();
        name.push("/");
        self.tar.append_data(&mut header, name, io::empty()).map_err(LayerError::archive)
    }

    fn above(&mut self, place: &Path) -> Result<(), LayerError> {
        let mut above: Vec<&Path> =
            place.ancestors().skip(1).filter(|path| !path.as_os_str().is_empty()).collect();
        above.reverse();
        above.into_iter().try_for_each(|path| self.directory(path))
    }

    fn walk(&mut self, source: &Path, place: &Path) -> Result<(), LayerError> {
        let entries = fs::read_dir(source).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = entries.map_err(|error| LayerError::io(source, error))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, name) = (entry.path(), entry.file_name());
            if name.as_bytes().starts_with(b".wh.") {
                return Err(LayerError::Foreign {
                    path,
                    what: "in a layer this name would delete another file; rename it",
                });
            }
            let place = place.join(&name);
            let meta = fs::symlink_metadata(&path).map_err(|error| LayerError::io(&path, error))?;
            if meta.is_dir() {
                self.directory(&place)?;
                self.walk(&path, &place)?;
            } else {
                self.entry(&path, &place, &meta)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, place: &Path, meta: &Metadata) -> Result<(), LayerError> {
        if meta.is_symlink() {
            let target = fs::read_link(path).map_err(|error| LayerError::io(path, error))?;
            let mut header = self.header(EntryType::Symlink, 0o777, 0);
            return self.tar.append_link(&mut header, place, target).map_err(LayerError::archive);
        }
        if !meta.is_file() {
            return Err(LayerError::Foreign {
                path: path.to_owned(),
                what: "neither file, directory nor link; leave it out",
            });
        }
        let executable = meta.permissions().mode() & 0o111 != 0;
        let file = File::open(path).map_err(|error| LayerError::io(path, error))?;
        let mut header = self.header(EntryType::Regular, if executable { 0o755 } else { 0o644 }, meta.len());
        let content = Exactly { file, left: meta.len() };
        self.tar.append_data(&mut header, place, content).map_err(|error| LayerError::io(path, error))
    }
}

/// A file that is read as long as it was: what grows meanwhile is cut, and what shrinks is an error, for the archive
/// has announced its size.
struct Exactly {
    file: File,
    left: u64,
}

impl io::Read for Exactly {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let got = io::Read::take(&mut self.file, self.left).read(into)?;
        self.left -= got as u64;
        if got == 0 && self.left > 0 && !into.is_empty() {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "became shorter while it was read; build again",
            ));
        }
        Ok(got)
    }
}
