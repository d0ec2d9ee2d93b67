//! Whatever bytes arrive on a connection: no panic, and no byte of what lies outside the roots in any answer.

#![no_main]

use std::{fs, os::unix::fs::{FileExt, symlink}, path::Path, sync::{Arc, LazyLock}, time::Instant};

use libfuzzer_sys::fuzz_target;
use morph::{
    config::{Config, parse},
    conn::render,
    http::{
        head::{After, Parsed, parse as parse_head},
        reply::{Body, Piece, Reply},
    },
    page::load::Wait,
    site::{Ask, Outcome, Sites},
};

const CANARY: &[u8] = b"CANARY-b7f3d1-outside-the-root";

struct World {
    config: Config,
    sites: Arc<Sites>,
    _folder: tempfile::TempDir,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder for the tree");
    grow(folder.path());
    let text = format!(
        "sites:
  - hosts: [a.org, '*.a.org']
    root: {0}/site
    clean: true
    not_found: /404.html
    headers: [{{ path: '/assets/**', set: {{ Cache-Control: immutable }} }}]
    redirects: [{{ from: '/old/**', to: '/new/$1' }}, {{ from: '/gone', status: 410 }}, {{ from: '/x/*/y', to: 'https://b.org/$1' }}]
    rewrites: [{{ from: '/w/*/**', to: '/$2/$1' }}]
  - hosts: ['*']
    root: {0}/app
    fallback: /index.html
    dotfiles: true
acme: {0}/acme
cache: {{ file: 1KiB, recheck: 0ms }}
",
        folder.path().display()
    );
    let config = parse(&text).expect("the configuration is right");
    let sites = Arc::new(Sites::new(&config).never_believing());
    World { config, sites, _folder: folder }
});

fn grow(root: &Path) {
    for directory in ["site/assets", "site/docs", "app/.well-known/acme-challenge", "acme", "outside"] {
        fs::create_dir_all(root.join(directory)).expect("a directory");
    }
    fs::write(root.join("outside/secret"), CANARY).expect("the canary");
    fs::write(root.join("secret"), CANARY).expect("the canary");
    fs::write(root.join("outside/index.html"), CANARY).expect("the canary");
    for (name, content) in [
        ("site/index.html", "<h1>home</h1>".repeat(40)),
        ("site/about.html", "about".to_owned()),
        ("site/404.html", "missing".to_owned()),
        ("site/assets/app.js", "let a = 1;".repeat(300)),
        ("site/assets/app.js.br", "not really brotli".to_owned()),
        ("site/assets/app.js.gz", "not really gzip".to_owned()),
        ("site/docs/index.html", "docs".to_owned()),
        ("site/.hidden", "hidden".to_owned()),
        ("app/index.html", "app".to_owned()),
        ("app/.env", "dot".to_owned()),
        ("acme/token", "token.key".to_owned()),
    ] {
        fs::write(root.join(name), content).expect("a file");
    }
    for (target, name) in [
        ("../outside/secret", "site/leak"),
        ("../outside", "site/leakdir"),
        ("/etc/passwd", "app/passwd"),
        ("../../secret", "site/docs/up"),
        ("../secret", "acme/leak"),
        ("../../../secret", "app/.well-known/acme-challenge/leak"),
    ] {
        symlink(target, root.join(name)).expect("a link");
    }
}

fuzz_target!(|bytes: &[u8]| {
    let world = &*WORLD;
    let mut rest = bytes;
    // As a connection does: one head after the other until one ends it.
    for _ in 0..8 {
        let mut output = Vec::new();
        let (body, after) = match parse_head(rest, &world.config.limits.head) {
            Parsed::Partial => return,
            Parsed::Bad(complaint) => {
                let after = After { keep: false, skip: None, old: false };
                (render(Reply::status_words(complaint.status()), &after, true, &mut output), None)
            }
            Parsed::Done(request, after, used) => {
                rest = &rest[used..];
                let ask = |wait| Ask { method: request.method, target: request.target, fields: &request.fields, now: Instant::now(), wait };
                let reply = match world.sites.answer(&ask(Wait::Never)) {
                    Outcome::Ready(reply) => reply,
                    Outcome::Later(job) => {
                        job();
                        match world.sites.answer(&ask(Wait::Allowed)) {
                            Outcome::Ready(reply) => reply,
                            Outcome::Later(_) => panic!("asked to wait twice"),
                        }
                    }
                };
                let close = !after.keep || after.skip != Some(0);
                let body = render(reply, &after, close, &mut output);
                (body, (!close).then_some(()))
            }
        };
        judge_head(&output);
        // The head may say again what was asked for, as the target of a redirect; the content never does.
        let head = output.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |end| end + 4);
        output.drain(..head);
        gather(body, &mut output);
        assert!(!output.windows(CANARY.len()).any(|window| window == CANARY), "read outside the root");
        assert!(!output.windows(7).any(|window| window == b"root:x:"), "read outside the root");
        if after.is_none() {
            return;
        }
    }
});

/// A head is lines of names and values, whatever the request held.
fn judge_head(output: &[u8]) {
    let end = output.windows(4).position(|window| window == b"\r\n\r\n").expect("a head ends");
    let mut lines = output[..end].split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    assert!(lines.next().is_some_and(|line| line.starts_with(b"HTTP/1.1 ")));
    for line in lines {
        let colon = line.iter().position(|&byte| byte == b':').expect("a field has a colon");
        assert!(colon > 0 && line[..colon].iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-'));
        assert!(!line.contains(&b'\r') && !line.contains(&0));
    }
}

fn gather(body: Body, output: &mut Vec<u8>) {
    let pieces = match body {
        Body::Empty => vec![],
        Body::One(piece) => vec![piece],
        Body::Many(pieces) => pieces,
    };
    for piece in pieces {
        match piece {
            Piece::Memory(bytes) => output.extend_from_slice(&bytes),
            Piece::File(file, range) => {
                let mut part = vec![0; usize::try_from(range.end - range.start).expect("a small file")];
                let file = fs::File::from(file.try_clone().expect("a second handle"));
                file.read_exact_at(&mut part, range.start).expect("the file can be read");
                output.extend_from_slice(&part);
            }
        }
    }
}
