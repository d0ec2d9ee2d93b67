//! A server with a tree of its own.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use morph::{
    config::parse,
    server::{Server, bind, start},
    site::Sites,
};
use tempfile::TempDir;

use super::client::{Answer, Client};

/// A running server, its folder and its log.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) log: Log,
    server: Option<Server>,
}

/// What the server wrote.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A tree with a bit of everything, at `folder/site`.
pub(crate) fn plant(folder: &Path) -> PathBuf {
    let site = folder.join("site");
    for directory in ["docs", "assets", ".well-known/acme-challenge", ".git", "empty"] {
        fs::create_dir_all(site.join(directory)).unwrap();
    }
    let words = "some words that compress well, ".repeat(100);
    for (name, content) in [
        ("index.html", "<h1>home</h1>".to_owned()),
        ("about.html", "about".to_owned()),
        ("docs/index.html", "docs".to_owned()),
        ("404.html", "not here".to_owned()),
        ("digits.txt", "0123456789".to_owned()),
        ("words.txt", words),
        ("assets/app.js", "plain script".to_owned()),
        ("assets/app.js.br", "brotli script".to_owned()),
        ("assets/app.js.zst", "zstd script".to_owned()),
        ("assets/app.js.gz", "gzip script".to_owned()),
        ("picture.png", "png".to_owned()),
        ("empty.txt", String::new()),
        (".git/config", "private".to_owned()),
        (".well-known/security.txt", "security".to_owned()),
        (".well-known/acme-challenge/to_ken-1", "to_ken-1.print".to_owned()),
        ("a b/ä.txt", "umlaut".to_owned()),
    ] {
        let path = site.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    fs::write(site.join("large.bin"), pattern(300_000)).unwrap();
    fs::write(folder.join("outside"), "outside").unwrap();
    std::os::unix::fs::symlink("../outside", site.join("leak")).unwrap();
    site
}

/// Bytes of which any part tells where it is from.
pub(crate) fn pattern(length: u32) -> Vec<u8> {
    (0..length / 4).flat_map(u32::to_be_bytes).collect()
}

impl World {
    /// Serves `folder/site` with these further lines of its site's configuration.
    pub(crate) fn new(site: &str) -> World {
        World::with(site, "")
    }

    /// The same with further lines for the whole server.
    pub(crate) fn with(site: &str, all: &str) -> World {
        let folder = tempfile::tempdir().unwrap();
        plant(folder.path());
        World::serve(folder, site, all)
    }

    /// Serves what `folder/site` leads to.
    pub(crate) fn serve(folder: TempDir, site: &str, all: &str) -> World {
        let root = folder.path().join("site");
        let shutdown = if all.contains("shutdown:") { "" } else { "shutdown: { wait: 0s, grace: 5s }\n" };
        let text = format!(
            "listen: ['127.0.0.1:0']\nadmin: 127.0.0.1:0\nworkers: 2\n{shutdown}{all}\n\
             sites:\n  - hosts: ['*']\n    root: {}\n{site}",
            root.display()
        );
        let config = parse(&text).unwrap_or_else(|findings| panic!("{findings:?}\n{text}"));
        let sites = Arc::new(Sites::new(&config).never_believing());
        let log = Log::default();
        let server = start(&config, bind(&config).unwrap(), &sites, log.clone()).unwrap();
        World {
            folder,
            address: server.addresses[0],
            admin: server.admin.unwrap(),
            log,
            server: Some(server),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn client(&self) -> Client {
        Client::to(self.address)
    }

    /// One GET on a connection of its own.
    pub(crate) fn get(&self, target: &str, fields: &[&str]) -> Answer {
        self.client().ask(&format!("GET {target}"), fields)
    }

    /// Takes the server out, to end it.
    pub(crate) fn take(&mut self) -> Server {
        self.server.take().unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            server.end(true).unwrap();
        }
    }
}
