//! From a path to the file that answers it, within one tree.
//!
//! Owns: index files, clean addresses, slashes, precompressed siblings. Must not: read contents.

use rustix::io::Errno;

use crate::{
    http::{accept::Coding, mime, target::escape},
    tree::{
        Tree,
        beneath::{Meta, Opened},
    },
};

/// What a site says about names.
#[derive(Clone, Debug)]
pub struct Naming {
    /// Names tried in a directory.
    pub index: Vec<String>,
    /// Whether `.html` is left out of addresses.
    pub clean: bool,
}

/// What lies at a path.
#[derive(Debug)]
pub enum Located {
    /// A file.
    File(Box<Files>),
    /// The address is written differently; the path to go to, escaped.
    Elsewhere(String),
    /// Nothing.
    Missing,
    /// The kernel could not say: out of handles or a broken disk.
    Failed(Errno),
}

/// A file and its precompressed siblings.
#[derive(Debug)]
pub struct Files {
    /// The path of the file, from the tree's root.
    pub path: Vec<u8>,
    /// The file.
    pub plain: Opened,
    /// Siblings, in the order of [`Coding::COMPRESSED`].
    pub siblings: [Option<Opened>; 3],
}

/// The states of all files that answer a path: when they are the same, so is the answer.
pub type Stamp = [Option<Meta>; 4];

impl Located {
    /// The states of what was found.
    pub fn stamp(&self) -> Stamp {
        let Located::File(files) = self else { return [None; 4] };
        let [brotli, zstd, gzip] =
            files.siblings.each_ref().map(|sibling| sibling.as_ref().map(|opened| opened.meta));
        [Some(files.plain.meta), brotli, zstd, gzip]
    }
}

/// Finds what answers `path`.
pub fn locate(tree: &Tree, naming: &Naming, path: &[u8]) -> Located {
    match find(tree, naming, path) {
        Ok(located) => located,
        // Whatever keeps a file from being opened is the same to who asks: too long, forbidden, leaving the root.
        Err(errno @ (Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::IO)) => Located::Failed(errno),
        Err(_) => Located::Missing,
    }
}

fn find(tree: &Tree, naming: &Naming, path: &[u8]) -> Result<Located, Errno> {
    if let Some(directory) = path.strip_suffix(b"/") {
        return match index(tree, naming, path)? {
            Some(files) => Ok(Located::File(Box::new(files))),
            None if naming.clean && !directory.is_empty() => {
                file_html(tree, directory).map(|found| match found {
                    Some(_) => Located::Elsewhere(escape(directory)),
                    None => Located::Missing,
                })
            }
            None => Ok(Located::Missing),
        };
    }
    if naming.clean
        && let Some(shorter) = without_html(tree, naming, path)?
    {
        return Ok(Located::Elsewhere(escape(&shorter)));
    }
    match tree.open(path) {
        Ok(opened) if !opened.meta.directory => {
            return Ok(Located::File(Box::new(with_siblings(tree, path, opened))));
        }
        Ok(_) => {
            if naming.clean
                && let Some(files) = file_html(tree, path)?
            {
                return Ok(Located::File(Box::new(files)));
            }
            let slashed = [path, b"/"].concat();
            return Ok(index(tree, naming, &slashed)?
                .map_or(Located::Missing, |_| Located::Elsewhere(escape(&slashed))));
        }
        Err(Errno::NOENT | Errno::NOTDIR) if naming.clean => {}
        Err(errno) => return Err(errno),
    }
    Ok(file_html(tree, path)?.map_or(Located::Missing, |files| Located::File(Box::new(files))))
}

/// The index of a directory; `path` ends with a slash.
fn index(tree: &Tree, naming: &Naming, path: &[u8]) -> Result<Option<Files>, Errno> {
    for name in &naming.index {
        let candidate = [path, name.as_bytes()].concat();
        if let Some(opened) = file(tree, &candidate)? {
            return Ok(Some(with_siblings(tree, &candidate, opened)));
        }
    }
    Ok(None)
}

fn file_html(tree: &Tree, path: &[u8]) -> Result<Option<Files>, Errno> {
    let candidate = [path, b".html"].concat();
    Ok(file(tree, &candidate)?.map(|opened| with_siblings(tree, &candidate, opened)))
}

/// The clean address of `/about.html` or `/docs/index.html`, if such a file exists.
fn without_html(tree: &Tree, naming: &Naming, path: &[u8]) -> Result<Option<Vec<u8>>, Errno> {
    let Some(stem) = path.strip_suffix(b".html") else { return Ok(None) };
    if file(tree, path)?.is_none() {
        return Ok(None);
    }
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    if naming.index.iter().any(|index| index.as_bytes() == name) {
        return Ok(Some(path[..path.len() - name.len()].to_vec()));
    }
    // A file named `.html` alone has no shorter name.
    Ok((!stem.ends_with(b"/")).then(|| stem.to_vec()))
}

fn file(tree: &Tree, path: &[u8]) -> Result<Option<Opened>, Errno> {
    match tree.open(path) {
        Ok(opened) => Ok((!opened.meta.directory).then_some(opened)),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(errno) => Err(errno),
    }
}

fn with_siblings(tree: &Tree, path: &[u8], plain: Opened) -> Files {
    let sibling = |coding: Coding| {
        let candidate = [path, coding.suffix().as_bytes()].concat();
        file(tree, &candidate).ok().flatten()
    };
    let siblings = if mime::is_compressible(mime::of(path)) {
        Coding::COMPRESSED.map(sibling)
    } else {
        [None, None, None]
    };
    Files { path: path.to_vec(), plain, siblings }
}
