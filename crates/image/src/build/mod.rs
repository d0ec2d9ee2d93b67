//! Building: from binaries and trees to a layout.
//!
//! Owns: which layers, documents and names come out. Must not: know registries or archives.

mod date;
mod layer;

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::PathBuf,
};

use flate2::{Compression, GzBuilder};

pub use self::layer::LayerError;
use crate::{
    digest::{Digest, Digesting},
    elf::{self, Unfit},
    layout::{Layout, LayoutError},
    oci::{self, Config, Descriptor, Empty, History, Index, Manifest, Platform, RootFs, Run},
};

/// What an image is made of.
#[derive(Clone, Debug, Default)]
pub struct Recipe {
    /// The program, once for each machine; what machine it is for stands in the file.
    pub binaries: Vec<PathBuf>,
    /// Its path in the image.
    pub program: String,
    /// Trees, and where they go.
    pub trees: Vec<(PathBuf, String)>,
    /// `uid:gid`; not root.
    pub user: String,
    /// TCP ports.
    pub ports: Vec<u16>,
    /// Arguments.
    pub arguments: Vec<String>,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// Labels, which become annotations as well.
    pub labels: BTreeMap<String, String>,
    /// Seconds since 1970 that everything in the image bears.
    pub created: u64,
    /// `repository:tag`, for archives.
    pub name: Option<String>,
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Built {
    /// The index: its digest is the image's.
    pub index: Descriptor,
    /// The manifests, one a machine.
    pub manifests: Vec<Descriptor>,
    /// Bytes of all blobs, as a registry holds them.
    pub size: u64,
}

/// Why nothing came out.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// No program.
    #[error("no program is given; name one with --binary")]
    NoBinary,
    /// A program that will not run.
    #[error("{path}: {unfit}")]
    Unfit {
        /// Which.
        path: PathBuf,
        /// Why.
        unfit: Unfit,
    },
    /// Two programs for one machine.
    #[error("{path}: a program for {architecture} was given already; give one for each machine")]
    Twice {
        /// The second.
        path: PathBuf,
        /// The machine.
        architecture: &'static str,
    },
    /// A user that is root or no number.
    #[error("`{0}` is no user an image should run as; give numbers other than zero, like 65532:65532")]
    User(String),
    /// A file of a layer.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
}

struct Layer {
    descriptor: Descriptor,
    plain: Digest,
}

/// Builds an image into a layout.
pub fn build(recipe: &Recipe, layout: &Layout) -> Result<Built, BuildError> {
    user(&recipe.user)?;
    let trees = recipe
        .trees
        .iter()
        .map(|(source, place)| layer(layout, |tar| layer::tree(tar, source, place, recipe.created)));
    let trees: Vec<Layer> = trees.collect::<Result<_, _>>()?;
    let mut platforms: BTreeMap<&'static str, Descriptor> = BTreeMap::new();
    let mut size = trees.iter().map(|layer| layer.descriptor.size).sum::<u64>();
    for path in &recipe.binaries {
        let bytes = fs::read(path).map_err(|error| LayerError::io(path, error))?;
        let binary = elf::inspect(&bytes).map_err(|unfit| BuildError::Unfit { path: path.clone(), unfit })?;
        let architecture = binary.architecture;
        if platforms.contains_key(architecture) {
            return Err(BuildError::Twice { path: path.clone(), architecture });
        }
        let program = layer(layout, |tar| layer::program(tar, &recipe.program, &bytes, recipe.created))?;
        let layers: Vec<&Layer> = std::iter::once(&program).chain(&trees).collect();
        let (manifest, documents) = manifest(recipe, layout, architecture, &layers)?;
        size += program.descriptor.size + documents;
        platforms.insert(architecture, manifest);
    }
    if platforms.is_empty() {
        return Err(BuildError::NoBinary);
    }
    let manifests: Vec<Descriptor> = platforms.into_values().collect();
    let index = Index { schema_version: 2, media_type: oci::INDEX.to_owned(), manifests: manifests.clone() };
    let mut index = layout.document(oci::INDEX, &index)?;
    size += index.size;
    if let Some(name) = &recipe.name {
        let tag = name.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        index.annotations.insert("io.containerd.image.name".to_owned(), name.clone());
        index.annotations.insert("org.opencontainers.image.ref.name".to_owned(), tag.to_owned());
    }
    layout.point(&Index {
        schema_version: 2,
        media_type: oci::INDEX.to_owned(),
        manifests: vec![index.clone()],
    })?;
    Ok(Built { index, manifests, size })
}

fn user(user: &str) -> Result<(), BuildError> {
    let mut ids = user.split(':').map(str::parse::<u32>);
    let fine =
        matches!(ids.next(), Some(Ok(uid)) if uid != 0) && ids.all(|gid| gid.is_ok_and(|gid| gid != 0));
    if fine { Ok(()) } else { Err(BuildError::User(user.to_owned())) }
}

/// Writes a layer: an archive in gzip, digested plain and compressed.
fn layer(
    layout: &Layout,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), LayerError>,
) -> Result<Layer, BuildError> {
    let mut plain = None;
    let (digest, size) = layout.stream(|writer| {
        // No name and no time in the head; level 9 is slow, but an image is built once and pulled often.
        let packer = GzBuilder::new().write(writer, Compression::new(9));
        let mut archive = Digesting::new(io::BufWriter::with_capacity(1 << 16, packer));
        fill(&mut archive)?;
        archive.flush().map_err(LayerError::archive)?;
        let (packer, digest, _) = archive.finish();
        plain = Some(digest);
        let packer = packer.into_inner().map_err(|error| LayerError::archive(error.into_error()))?;
        packer.finish().map_err(LayerError::archive)?;
        Ok::<(), BuildError>(())
    })?;
    let plain = plain.expect("set before the stream ended without an error");
    let descriptor = Descriptor {
        media_type: oci::LAYER.to_owned(),
        digest,
        size,
        platform: None,
        annotations: BTreeMap::new(),
    };
    Ok(Layer { descriptor, plain })
}

/// Writes configuration and manifest for one machine; says the manifest and what both weigh.
fn manifest(
    recipe: &Recipe,
    layout: &Layout,
    architecture: &str,
    layers: &[&Layer],
) -> Result<(Descriptor, u64), BuildError> {
    let created = date::rfc_3339(recipe.created);
    let history = |what: String| History { created: created.clone(), created_by: what };
    let trees = recipe.trees.iter().map(|(_, place)| history(format!("tree at {place}")));
    let config = Config {
        created: created.clone(),
        architecture: architecture.to_owned(),
        os: "linux".to_owned(),
        config: Run {
            user: recipe.user.clone(),
            exposed_ports: recipe.ports.iter().map(|port| (format!("{port}/tcp"), Empty {})).collect(),
            env: recipe.env.clone(),
            entrypoint: vec![recipe.program.clone()],
            cmd: recipe.arguments.clone(),
            working_dir: "/".to_owned(),
            labels: recipe.labels.clone(),
        },
        rootfs: RootFs {
            kind: "layers".to_owned(),
            diff_ids: layers.iter().map(|layer| layer.plain.clone()).collect(),
        },
        history: std::iter::once(history(format!("program at {}", recipe.program))).chain(trees).collect(),
    };
    let config = layout.document(oci::CONFIG, &config)?;
    let documents = config.size;
    let manifest = Manifest {
        schema_version: 2,
        media_type: oci::MANIFEST.to_owned(),
        config,
        layers: layers.iter().map(|layer| layer.descriptor.clone()).collect(),
        annotations: recipe.labels.clone(),
    };
    let mut manifest = layout.document(oci::MANIFEST, &manifest)?;
    let documents = documents + manifest.size;
    manifest.platform = Some(Platform { architecture: architecture.to_owned(), os: "linux".to_owned() });
    Ok((manifest, documents))
}
