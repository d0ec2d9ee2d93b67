//! What a build comes to.

use std::{
    collections::BTreeMap,
    fs::{self, FileTimes},
    io::Read,
    os::unix::fs::PermissionsExt,
    time::{Duration, SystemTime},
};

use image::{
    archive,
    build::{BuildError, Recipe, build},
    layout::Layout,
    oci::{Config, Index, Manifest},
};
use tempfile::tempdir;

use super::{built, program, recipe};

#[test]
fn the_same_input_gives_the_same_bytes_wherever_and_whenever_it_lies() {
    let (one, two) = (tempdir().unwrap(), tempdir().unwrap());
    let (first, second) = (recipe(one.path()), recipe(two.path()));
    let file = fs::File::options().write(true).open(two.path().join("site/index.html")).unwrap();
    file.set_times(FileTimes::new().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(12345)))
        .unwrap();
    fs::set_permissions(two.path().join("site/index.html"), fs::Permissions::from_mode(0o600)).unwrap();
    let (layout, first) = built(&first, one.path());
    let (other, second) = built(&second, two.path());
    assert_eq!(first.index.digest, second.index.digest);
    for (layout, folder) in [(&layout, &one), (&other, &two)] {
        archive::oci(layout, &folder.path().join("oci.tar")).unwrap();
        archive::docker(layout, Some("arm64"), &folder.path().join("docker.tar")).unwrap();
    }
    for name in ["oci.tar", "docker.tar", "layout/index.json"] {
        assert_eq!(
            fs::read(one.path().join(name)).unwrap(),
            fs::read(two.path().join(name)).unwrap(),
            "{name}"
        );
    }
}

#[test]
fn other_content_gives_another_digest() {
    let folder = tempdir().unwrap();
    let recipe = recipe(folder.path());
    let (layout, first) = built(&recipe, folder.path());
    fs::write(folder.path().join("site/index.html"), "<h1>hullo</h1>").unwrap();
    assert_ne!(first.index.digest, build(&recipe, &layout).unwrap().index.digest);
}

#[test]
fn an_image_holds_the_program_the_tree_and_nothing_else() {
    let folder = tempdir().unwrap();
    let (layout, built) = built(&recipe(folder.path()), folder.path());
    let index: Index = layout.read(&built.index.digest).unwrap();
    let machines: Vec<_> = index
        .manifests
        .iter()
        .filter_map(|manifest| manifest.platform.clone())
        .map(|platform| platform.architecture)
        .collect();
    assert_eq!(machines, ["amd64", "arm64"]);
    let manifest: Manifest = layout.read(&index.manifests[0].digest).unwrap();
    let mut found = BTreeMap::new();
    for layer in &manifest.layers {
        let mut archive =
            tar::Archive::new(flate2::read::GzDecoder::new(layout.blob(&layer.digest).unwrap()));
        for entry in archive.entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()), (0, 0, 0));
            found.insert(entry.path().unwrap().display().to_string(), header.mode().unwrap());
        }
    }
    let expected = [
        ("morph", 0o755),
        ("srv/", 0o755),
        ("srv/assets/", 0o755),
        ("srv/assets/app.js", 0o644),
        ("srv/index.html", 0o644),
        ("srv/start.html", 0o777),
    ];
    assert_eq!(found, expected.map(|(name, mode)| (name.to_owned(), mode)).into());
    let config: Config = layout.read(&manifest.config.digest).unwrap();
    assert_eq!(
        (config.config.user.as_str(), config.config.entrypoint),
        ("65532:65532", vec!["/morph".to_owned()])
    );
    assert!(config.config.exposed_ports.contains_key("8080/tcp"));
}

#[test]
fn layers_are_shared_between_machines_and_their_plain_digests_are_right() {
    let folder = tempdir().unwrap();
    let (layout, built) = built(&recipe(folder.path()), folder.path());
    let index: Index = layout.read(&built.index.digest).unwrap();
    let manifests: Vec<Manifest> =
        index.manifests.iter().map(|manifest| layout.read(&manifest.digest).unwrap()).collect();
    assert_eq!(manifests[0].layers[1], manifests[1].layers[1]);
    let config: Config = layout.read(&manifests[0].config.digest).unwrap();
    for (layer, plain) in manifests[0].layers.iter().zip(&config.rootfs.diff_ids) {
        let mut content = Vec::new();
        flate2::read::GzDecoder::new(layout.blob(&layer.digest).unwrap()).read_to_end(&mut content).unwrap();
        assert_eq!(image::digest::Digest::of(&content), *plain);
    }
}

fn refused(recipe: &Recipe) -> String {
    let folder = tempdir().unwrap();
    let layout = Layout::create(&folder.path().join("layout")).unwrap();
    build(recipe, &layout).unwrap_err().to_string()
}

#[test]
fn what_would_not_run_or_not_be_safe_is_refused_with_a_cure() {
    let folder = tempdir().unwrap();
    let good = recipe(folder.path());
    assert!(refused(&Recipe { user: "0:0".to_owned(), ..good.clone() }).contains("65532"));
    assert!(refused(&Recipe { user: "root".to_owned(), ..good.clone() }).contains("65532"));
    assert!(refused(&Recipe { binaries: vec![], ..good.clone() }).contains("--binary"));
    assert!(refused(&Recipe { program: "/../x".to_owned(), ..good.clone() }).contains(".."));
    assert!(matches!(
        build(
            &Recipe { binaries: vec![folder.path().join("amd64"); 2], ..good.clone() },
            &Layout::create(folder.path()).unwrap()
        ),
        Err(BuildError::Twice { .. })
    ));
    let mut dynamic = program(super::AMD64);
    dynamic[32..40].copy_from_slice(&64_u64.to_le_bytes());
    (dynamic[54], dynamic[56], dynamic[64]) = (56, 1, 3);
    fs::write(folder.path().join("dynamic"), dynamic).unwrap();
    assert!(
        refused(&Recipe { binaries: vec![folder.path().join("dynamic")], ..good.clone() })
            .contains("crt-static")
    );
    fs::write(folder.path().join("site/.wh.index.html"), "").unwrap();
    assert!(refused(&good).contains("rename"));
}

#[test]
fn a_docker_archive_of_several_machines_wants_a_choice() {
    let folder = tempdir().unwrap();
    let (layout, _) = built(&recipe(folder.path()), folder.path());
    let refusal = archive::docker(&layout, None, &folder.path().join("docker.tar")).unwrap_err().to_string();
    assert!(refusal.contains("--arch") && refusal.contains("amd64 and arm64"), "{refusal}");
}
