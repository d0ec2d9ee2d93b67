//! An OCI image layout in a directory.
//!
//! Owns: its files and reading them back, checked. Must not: know how images are built or pushed.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    digest::{Digest, Digesting},
    oci::{Descriptor, Index},
};

/// What went wrong, and where.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// A file could not be read or written.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A blob is not what its name says.
    #[error("{path}: not what its name says; build the image again")]
    Damaged {
        /// Which.
        path: PathBuf,
    },
    /// A document is not one.
    #[error("{path}: {error}; is it an OCI image layout?")]
    Document {
        /// Which.
        path: PathBuf,
        /// Why.
        error: serde_json::Error,
    },
    /// The layout has no image.
    #[error("{path}: holds no image index; build one with `build --layout`")]
    Empty {
        /// Where.
        path: PathBuf,
    },
}

/// A layout in a directory.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

fn at<T>(path: &Path, result: io::Result<T>) -> Result<T, LayoutError> {
    result.map_err(|error| LayoutError::Io { path: path.to_owned(), error })
}

impl Layout {
    /// A layout that is there.
    pub fn open(root: &Path) -> Layout {
        Layout { root: root.to_owned() }
    }

    /// A new layout; the directory may exist, and blobs in it stay.
    pub fn create(root: &Path) -> Result<Layout, LayoutError> {
        let layout = Layout::open(root);
        let blobs = layout.blobs();
        at(&blobs, fs::create_dir_all(&blobs))?;
        layout.write("oci-layout", b"{\"imageLayoutVersion\":\"1.0.0\"}")?;
        Ok(layout)
    }

    /// The directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn blobs(&self) -> PathBuf {
        self.root.join("blobs/sha256")
    }

    /// Where a blob lies.
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.blobs().join(digest.hex())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), LayoutError> {
        let path = self.root.join(name);
        at(&path, fs::write(&path, bytes))
    }

    /// Writes a blob by whatever `fill` writes; the same bytes twice are one blob.
    pub fn stream<E: From<LayoutError>>(
        &self,
        fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
    ) -> Result<(Digest, u64), E> {
        let partial = self.blobs().join(format!(".partial-{}", std::process::id()));
        let file = at(&partial, File::create(&partial))?;
        let mut writer = Digesting::new(io::BufWriter::with_capacity(1 << 20, file));
        let filled = fill(&mut writer);
        let (mut file, digest, size) = writer.finish();
        if let Err(error) = filled.and_then(|()| at(&partial, file.flush()).map_err(E::from)) {
            let _ = fs::remove_file(&partial);
            return Err(error);
        }
        let path = self.path(&digest);
        at(&path, fs::rename(&partial, &path))?;
        Ok((digest, size))
    }

    /// Writes a document as a blob.
    pub fn document(&self, media: &str, document: &impl Serialize) -> Result<Descriptor, LayoutError> {
        let path = self.blobs();
        let bytes = serde_json::to_vec(document).map_err(|error| LayoutError::Document { path, error })?;
        let (digest, size) = self.stream(|writer| at(&self.root, writer.write_all(&bytes)))?;
        Ok(Descriptor {
            media_type: media.to_owned(),
            digest,
            size,
            platform: None,
            annotations: BTreeMap::new(),
        })
    }

    /// Reads a document, and that it is what its name says.
    pub fn read<T: DeserializeOwned>(&self, digest: &Digest) -> Result<T, LayoutError> {
        let path = self.path(digest);
        let bytes = self.bytes(digest)?;
        serde_json::from_slice(&bytes).map_err(|error| LayoutError::Document { path, error })
    }

    /// All of a blob, checked; for documents, which are small.
    pub fn bytes(&self, digest: &Digest) -> Result<Vec<u8>, LayoutError> {
        let path = self.path(digest);
        let bytes = at(&path, fs::read(&path))?;
        if Digest::of(&bytes) == *digest { Ok(bytes) } else { Err(LayoutError::Damaged { path }) }
    }

    /// Opens a blob for reading.
    pub fn blob(&self, digest: &Digest) -> Result<File, LayoutError> {
        let path = self.path(digest);
        at(&path, File::open(&path))
    }

    /// Points the layout to its image.
    pub fn point(&self, index: &Index) -> Result<(), LayoutError> {
        let path = self.root.join("index.json");
        let bytes = serde_json::to_vec(index).map_err(|error| LayoutError::Document { path, error })?;
        self.write("index.json", &bytes)
    }

    /// The image of the layout: the one index that it points to.
    pub fn image(&self) -> Result<Descriptor, LayoutError> {
        let path = self.root.join("index.json");
        let bytes = at(&path, fs::read(&path))?;
        let index: Index =
            serde_json::from_slice(&bytes).map_err(|error| LayoutError::Document { path, error })?;
        index.manifests.into_iter().next().ok_or_else(|| LayoutError::Empty { path: self.root.clone() })
    }
}
