//! Downloads to the operator's machine, and the artefacts that are sent from it.
//!
//! Owns: HTTP and the cache (`$XDG_CACHE_HOME/coracle`, by digest). Must not: let anything into the cache whose
//! digest is not the wanted one.

use std::{
    cell::RefCell,
    fmt::Write as _,
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::future::LocalBoxFuture;
use model::{
    digest::Sha256,
    port::Artifacts,
    reply::{Failure, FailureKind},
};
use sha2::{Digest as _, Sha256 as Hasher};
use ureq::{
    Agent,
    tls::{RootCerts, TlsConfig},
};

/// No checksum file is larger.
const SMALL: u64 = 1 << 20;

/// A client that trusts what the operator's machine trusts and heeds its proxy variables.
fn agent() -> Agent {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(provider)
        .root_certs(RootCerts::PlatformVerifier)
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .timeout_connect(Some(Duration::from_secs(20)))
        .timeout_recv_response(Some(Duration::from_secs(30)))
        .user_agent(concat!("coracle/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// A small text file; `Ok(None)` when the server says that there is none.
pub(crate) fn text(url: &str) -> Result<Option<String>, String> {
    match agent().get(url).call() {
        Ok(mut response) => {
            let body = response.body_mut().with_config().limit(SMALL).read_to_string();
            body.map(Some).map_err(|error| format!("{url}: {error}"))
        }
        Err(ureq::Error::StatusCode(404)) => Ok(None),
        Err(error) => Err(format!("{url}: {error}")),
    }
}

/// Artefacts by digest, downloaded once.
#[derive(Debug)]
pub(crate) struct Cache {
    dir: PathBuf,
    checked: RefCell<Vec<Sha256>>,
}

impl Cache {
    /// The cache in this directory.
    pub(crate) fn at(dir: PathBuf) -> Self {
        Self { dir, checked: RefCell::default() }
    }

    /// The file with these bytes, downloading it first unless it is there.
    async fn file(&self, sha256: &Sha256, url: &str) -> Result<PathBuf, Failure> {
        let path = self.dir.join(sha256.as_str());
        if self.checked.borrow().contains(sha256) {
            return Ok(path);
        }
        let (place, wanted, from) = (path.clone(), sha256.clone(), url.to_owned());
        let fetched = tokio::task::spawn_blocking(move || fetch(&place, &wanted, &from)).await;
        fetched.map_err(|error| Failure::new(FailureKind::Download, error.to_string()))??;
        self.checked.borrow_mut().push(sha256.clone());
        Ok(path)
    }
}

impl Artifacts for Cache {
    fn read<'a>(
        &'a self,
        sha256: &'a Sha256,
        url: &'a str,
        offset: u64,
        limit: usize,
    ) -> LocalBoxFuture<'a, Result<(Vec<u8>, u64), Failure>> {
        Box::pin(async move {
            let path = self.file(sha256, url).await?;
            part(&path, offset, limit)
                .map_err(|error| Failure::new(FailureKind::Missing, format!("{}: {error}", path.display())))
        })
    }
}

fn part(path: &Path, offset: u64, limit: usize) -> io::Result<(Vec<u8>, u64)> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(limit as u64).read_to_end(&mut bytes)?;
    Ok((bytes, length))
}

/// Makes sure that the file is there with the wanted digest.
fn fetch(place: &Path, wanted: &Sha256, url: &str) -> Result<(), Failure> {
    if digest(place).is_ok_and(|digest| digest == *wanted) {
        return Ok(());
    }
    let download = |why: String| Failure::new(FailureKind::Download, format!("{url}: {why}"));
    let disk = |error: io::Error| Failure::new(FailureKind::Missing, format!("{}: {error}", place.display()));
    if let Some(dir) = place.parent() {
        fs::create_dir_all(dir).map_err(disk)?;
    }
    let part = place.with_extension(format!("{}.part", std::process::id()));
    let mut response = agent().get(url).call().map_err(|error| download(error.to_string()))?;
    let mut file = File::create(&part).map_err(disk)?;
    let copied = io::copy(&mut response.body_mut().as_reader(), &mut file).and_then(|_| file.sync_all());
    let got = copied.and_then(|()| digest(&part));
    let kept = match got {
        Ok(got) if got == *wanted => fs::rename(&part, place).map_err(disk),
        Ok(got) => {
            let detail = format!("{url} has the digest {}, not {}", got.short(), wanted.short());
            Err(Failure::new(FailureKind::Checksum, detail))
        }
        Err(error) => Err(download(error.to_string())),
    };
    if kept.is_err() {
        // The reason matters, not whether the left-over could be removed too.
        let _ = fs::remove_file(&part);
    }
    kept
}

fn digest(path: &Path) -> io::Result<Sha256> {
    let mut hasher = Hasher::new();
    let mut file = File::open(path)?;
    let mut chunk = vec![0; 1 << 16];
    loop {
        match file.read(&mut chunk)? {
            0 => break,
            read => hasher.update(&chunk[..read]),
        }
    }
    let mut hex = String::with_capacity(64);
    for byte in hasher.finalize() {
        write!(hex, "{byte:02x}").expect("writing to a String cannot fail");
    }
    Sha256::try_from(hex).map_err(io::Error::other)
}
