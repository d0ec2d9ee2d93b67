//! Images built, compared, taken apart and pushed.

#![expect(clippy::unwrap_used, clippy::format_push_string, reason = "a panic is how a test fails")]

mod build;
mod push;

use std::{fs, path::Path};

use image::{
    build::{Built, Recipe, build},
    layout::Layout,
};

/// The smallest thing that passes for a static program of a machine: a header without program headers.
fn program(machine: u8) -> Vec<u8> {
    let mut header = vec![0; 64];
    header[..6].copy_from_slice(b"\x7fELF\x02\x01");
    header[18] = machine;
    header.extend((0..20_000_u32).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()));
    header
}

const AMD64: u8 = 62;
const ARM64: u8 = 183;

/// A recipe in a folder, with two programs and a tree.
fn recipe(folder: &Path) -> Recipe {
    fs::create_dir_all(folder.join("site/assets")).unwrap();
    fs::write(folder.join("site/index.html"), "<h1>hello</h1>").unwrap();
    fs::write(folder.join("site/assets/app.js"), "let x = 1;".repeat(100)).unwrap();
    std::os::unix::fs::symlink("index.html", folder.join("site/start.html")).unwrap();
    fs::write(folder.join("amd64"), program(AMD64)).unwrap();
    fs::write(folder.join("arm64"), program(ARM64)).unwrap();
    Recipe {
        binaries: vec![folder.join("amd64"), folder.join("arm64")],
        program: "/morph".to_owned(),
        trees: vec![(folder.join("site"), "/srv".to_owned())],
        user: "65532:65532".to_owned(),
        ports: vec![8080],
        labels: [("org.opencontainers.image.title".to_owned(), "site".to_owned())].into(),
        name: Some("registry.example.org/site:1".to_owned()),
        ..Recipe::default()
    }
}

fn built(recipe: &Recipe, folder: &Path) -> (Layout, Built) {
    let layout = Layout::create(&folder.join("layout")).unwrap();
    let built = build(recipe, &layout).unwrap();
    (layout, built)
}
