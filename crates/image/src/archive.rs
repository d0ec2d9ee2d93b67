//! One file of a layout, for machines without a registry.
//!
//! Owns: the OCI archive (containerd, k3s, podman) and the docker-archive (docker load). Must not: build images.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;
use serde::Serialize;
use tar::{Builder, EntryType, Header};

use crate::{
    digest::Digest,
    layout::{Layout, LayoutError},
    oci::{self, Descriptor, Index, Manifest},
};

/// Why an archive was not written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The archive.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The form holds one machine's image, and which is not clear.
    #[error(
        "the image is for {0}; a docker-archive holds one machine: choose with --arch, or write an OCI archive"
    )]
    Machine(String),
}

/// Writes the whole layout: all machines, the same digests as in a registry.
pub fn oci(layout: &Layout, to: &Path) -> Result<(), ArchiveError> {
    let image = layout.image()?;
    let mut names: Vec<Digest> =
        blobs(layout, &image)?.into_iter().map(|descriptor| descriptor.digest).collect();
    names.sort();
    names.dedup();
    let mut archive = Archive::create(to)?;
    archive.directory("blobs/")?;
    archive.directory("blobs/sha256/")?;
    for digest in names {
        let size = layout.blob(&digest)?.metadata().map_err(|error| archive.io(error))?.len();
        archive.file(&format!("blobs/sha256/{}", digest.hex()), size, layout.blob(&digest)?)?;
    }
    for name in ["index.json", "oci-layout"] {
        let path = layout.root().join(name);
        let bytes = std::fs::read(&path).map_err(|error| LayoutError::Io { path, error })?;
        archive.file(name, bytes.len() as u64, bytes.as_slice())?;
    }
    archive.finish()
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    config: String,
    repo_tags: Vec<String>,
    layers: Vec<String>,
}

/// Writes one machine's image with plain layers.
pub fn docker(layout: &Layout, architecture: Option<&str>, to: &Path) -> Result<(), ArchiveError> {
    let image = layout.image()?;
    let index: Index = layout.read(&image.digest)?;
    let machine = |descriptor: &Descriptor| {
        descriptor.platform.as_ref().map(|platform| platform.architecture.clone()).unwrap_or_default()
    };
    let mut fitting = index
        .manifests
        .iter()
        .filter(|descriptor| architecture.is_none_or(|wanted| machine(descriptor) == wanted));
    let (Some(descriptor), None) = (fitting.next(), fitting.next()) else {
        let machines: Vec<String> = index.manifests.iter().map(machine).collect();
        return Err(ArchiveError::Machine(machines.join(" and ")));
    };
    let manifest: Manifest = layout.read(&descriptor.digest)?;
    let config: oci::Config = layout.read(&manifest.config.digest)?;
    let mut archive = Archive::create(to)?;
    let mut layers = Vec::new();
    for (descriptor, plain) in manifest.layers.iter().zip(&config.rootfs.diff_ids) {
        let name = format!("{}.tar", plain.hex());
        let mut content = Vec::new();
        GzDecoder::new(layout.blob(&descriptor.digest)?)
            .read_to_end(&mut content)
            .map_err(|error| archive.io(error))?;
        archive.file(&name, content.len() as u64, content.as_slice())?;
        layers.push(name);
    }
    let config_name = format!("{}.json", manifest.config.digest.hex());
    let bytes = layout.bytes(&manifest.config.digest)?;
    archive.file(&config_name, bytes.len() as u64, bytes.as_slice())?;
    let repo_tags = image.annotations.get("io.containerd.image.name").cloned().into_iter().collect();
    let entries = [Entry { config: config_name, repo_tags, layers }];
    let bytes = serde_json::to_vec(&entries).map_err(|error| archive.io(error.into()))?;
    archive.file("manifest.json", bytes.len() as u64, bytes.as_slice())?;
    archive.finish()
}

/// Everything an image's index leads to, itself last: the order in which a registry wants it.
pub fn blobs(layout: &Layout, image: &Descriptor) -> Result<Vec<Descriptor>, LayoutError> {
    let index: Index = layout.read(&image.digest)?;
    let mut found = Vec::new();
    for descriptor in index.manifests {
        let manifest: Manifest = layout.read(&descriptor.digest)?;
        found.extend(manifest.layers);
        found.push(manifest.config);
        found.push(descriptor);
    }
    found.push(image.clone());
    Ok(found)
}

struct Archive {
    tar: Builder<io::BufWriter<File>>,
    path: PathBuf,
}

impl Archive {
    fn create(path: &Path) -> Result<Archive, ArchiveError> {
        let file = File::create(path).map_err(|error| ArchiveError::Io { path: path.to_owned(), error })?;
        Ok(Archive { tar: Builder::new(io::BufWriter::new(file)), path: path.to_owned() })
    }

    fn io(&self, error: io::Error) -> ArchiveError {
        ArchiveError::Io { path: self.path.clone(), error }
    }

    fn directory(&mut self, name: &str) -> Result<(), ArchiveError> {
        self.append(name, EntryType::Directory, 0o755, 0, io::empty())
    }

    fn file(&mut self, name: &str, size: u64, content: impl Read) -> Result<(), ArchiveError> {
        self.append(name, EntryType::Regular, 0o644, size, content)
    }

    fn append(
        &mut self,
        name: &str,
        kind: EntryType,
        mode: u32,
        size: u64,
        content: impl Read,
    ) -> Result<(), ArchiveError> {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        let appended = self.tar.append_data(&mut header, name, content);
        appended.map_err(|error| self.io(error))
    }

    fn finish(mut self) -> Result<(), ArchiveError> {
        let finished = self.tar.finish().and_then(|()| self.tar.get_mut().flush());
        finished.map_err(|error| self.io(error))
    }
}
