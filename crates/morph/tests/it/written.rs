//! Content that changes while it is served.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use morph::{
    config::parse,
    http::{
        fields::Fields,
        head::Method,
        reply::{Body, Piece, Reply},
    },
    page::load::Wait,
    site::{Ask, Outcome, Sites},
};

use super::world::World;

/// How often the tree is switched and how many requests run meanwhile; the figures with `MORPH_THOROUGH`.
fn amounts() -> (u32, u32) {
    if std::env::var_os("MORPH_THOROUGH").is_some() { (1000, 100_000) } else { (100, 4000) }
}

fn lay(folder: &Path, number: u32) {
    let tree = folder.join(format!("tree-{number}"));
    fs::create_dir_all(&tree).unwrap();
    for name in ["page.html", "page.html.gz"] {
        fs::write(tree.join(name), format!("{number} {name} ").repeat(2000)).unwrap();
    }
    fs::write(tree.join("404.html"), format!("{number} missing ").repeat(100)).unwrap();
    let next = folder.join("next");
    let _ = fs::remove_file(&next);
    symlink(&tree, &next).unwrap();
    fs::rename(&next, folder.join("site")).unwrap();
    if number > 1 {
        fs::remove_dir_all(folder.join(format!("tree-{}", number - 2))).unwrap();
    }
}

#[test]
fn a_switch_is_seen_by_the_next_request_and_no_answer_is_half_of_each() {
    let (switches, requests) = amounts();
    let folder = tempfile::tempdir().unwrap();
    lay(folder.path(), 0);
    let world = Arc::new(World::serve(folder, "    not_found: /404.html\n", ""));
    let (current, over) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let askers: Vec<_> = (0..4)
        .map(|asker| {
            let (world, current, over) = (world.clone(), current.clone(), over.clone());
            thread::spawn(move || {
                let mut client = world.client();
                for number in 0.. {
                    if number >= requests / 4 && over.load(Relaxed) {
                        return number;
                    }
                    let known = current.load(Relaxed);
                    let answer = match (number + asker) % 3 {
                        0 => client.ask("GET /page.html", &[]),
                        1 => client.ask("GET /page.html", &["Accept-Encoding: gzip"]),
                        _ => client.ask("GET /none", &[]),
                    };
                    let text = answer.text();
                    let (first, kind) = text.split_once(' ').unwrap();
                    let kind = kind.split(' ').next().unwrap();
                    let repeats = if kind == "missing" { 100 } else { 2000 };
                    assert!(
                        text == format!("{first} {kind} ").repeat(repeats),
                        "half of a tree: {first} {kind}"
                    );
                    assert!(first.parse::<u32>().unwrap() >= known, "a switch that was over was not seen");
                }
                0
            })
        })
        .collect();
    for number in 1..=switches {
        lay(world.folder.path(), number);
        current.store(number, Relaxed);
        thread::yield_now();
    }
    over.store(true, Relaxed);
    let asked: u32 = askers.into_iter().map(|asker| asker.join().unwrap()).sum();
    assert!(asked >= requests);
}

#[test]
fn a_file_changed_in_place_is_seen_even_with_the_same_length() {
    let world = World::new("");
    let mut seen = Vec::new();
    for text in ["0123456789", "abcdefghij", "klmnopqrst"] {
        fs::write(world.path("site/digits.txt"), text).unwrap();
        let answer = world.get("/digits.txt", &[]);
        assert_eq!(answer.text(), text);
        seen.push(answer.field("etag").to_owned());
    }
    seen.dedup();
    assert_eq!(seen.len(), 3);
}

#[test]
fn a_change_that_is_only_on_the_disk_is_seen_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    let root = folder.path().display();
    let text = format!("sites: [{{ hosts: ['*'], root: {root} }}]\ncache: {{ recheck: 1ms }}\n");
    let sites = Arc::new(Sites::new(&parse(&text).unwrap()));
    let (method, target, fields) = (Method::Get, &b"/page.html"[..], &Fields::default());
    let ask = |wait| match sites.answer(&Ask { method, target, fields, now: Instant::now(), wait }) {
        Outcome::Later(job) => Err(job),
        Outcome::Ready(Reply { body: Body::One(Piece::Memory(bytes)), .. }) => Ok(bytes),
        Outcome::Ready(reply) => panic!("{reply:?}"),
    };
    for number in 0..20 {
        fs::write(&path, format!("{number}")).unwrap();
        let file = fs::File::open(&path).unwrap();
        // So that reading it takes long; some file systems hold everything in memory, and then it does not.
        file.sync_all().unwrap();
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
        thread::sleep(Duration::from_millis(2));
        let seen = ask(Wait::Never).unwrap_or_else(|job| {
            job();
            ask(Wait::Allowed).unwrap_or_else(|_| panic!("asked to wait twice"))
        });
        assert_eq!(seen, format!("{number}"));
    }
}

#[test]
fn files_come_and_go() {
    let world = World::new("");
    assert_eq!(world.get("/new.html", &[]).status, 404);
    fs::write(world.path("site/new.html"), "new").unwrap();
    assert_eq!(world.get("/new.html", &[]).text(), "new");
    fs::write(world.path("site/new.html.gz"), "packed").unwrap();
    assert_eq!(world.get("/new.html", &["Accept-Encoding: gzip"]).text(), "packed");
    fs::remove_file(world.path("site/new.html")).unwrap();
    assert_eq!(world.get("/new.html", &[]).status, 404);
}

#[test]
fn times_set_to_nothing_in_particular_do_not_make_two_contents_look_the_same() {
    let world = World::new("");
    let path = world.path("site/large.bin");
    let write = |byte: u8| {
        fs::write(&path, vec![byte; 300_000]).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_times(fs::FileTimes::new().set_modified(std::time::UNIX_EPOCH)).unwrap();
        let answer = world.get("/large.bin", &[]);
        assert_eq!((answer.body[0], answer.field("last-modified")), (byte, ""));
        answer.field("etag").to_owned()
    };
    assert_ne!(write(1), write(2));
}
