//! morph beside nginx, static-web-server and Caddy: one run, one machine, one table.
//!
//! `cargo bench -p morph --bench compare` measures whichever of them are installed, says which are not and how to get them,
//! and prints the table as README has it. The server has the first core and the load the second. Each case runs all
//! servers one after the other, beginning with another one each round; the median of the rounds counts.
//!
//! | variable | |
//! |---|---|
//! | `MORPH` | the program to measure; by default a static one is built with the `dist` profile |
//! | `STATIC_WEB_SERVER` | path of static-web-server, if it is not in `PATH` |
//! | `ROUNDS`, `SECONDS` | 3 rounds of 3 seconds each |
//! | `ONLY` | cases whose name contains this |
//! | `TURNS` | 15 turns of a second each for the latency of morph and nginx at the same rate |

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a bench prints, and a panic is how it fails"
)]

mod load;
mod pace;
mod servers;
mod table;
mod tail;

use std::{collections::BTreeMap, env, fs, path::Path, thread};

use load::{Measured, cold, h2load, wrk};
use servers::Server;

/// The cases, by the name of the case and the server's place.
type Results = BTreeMap<(usize, usize), Vec<Measured>>;

/// What is asked for, and how.
struct Case {
    name: &'static str,
    path: &'static str,
    field: Option<&'static str>,
    connections: u32,
    tool: Tool,
}

#[derive(Clone, Copy, PartialEq)]
enum Tool {
    Wrk,
    Http2,
    Cold,
}

const fn case(name: &'static str, path: &'static str, field: Option<&'static str>, connections: u32) -> Case {
    Case { name, path, field, connections, tool: Tool::Wrk }
}

const CASES: &[Case] = &[
    case("1 KB, 1 connection", "/1k.bin", None, 1),
    case("1 KB, 256 connections", "/1k.bin", None, 256),
    case("1 KB, 5,000 connections", "/1k.bin", None, 5000),
    case("10 KB, 256 connections", "/10k.bin", None, 256),
    case("100 KB, 1 connection", "/100k.bin", None, 1),
    case("100 KB, 256 connections", "/100k.bin", None, 256),
    case("1 MB, 1 connection", "/1m.bin", None, 1),
    case("1 MB, 256 connections", "/1m.bin", None, 256),
    case("16 KB range of 1 MB, 256", "/1m.bin", Some("Range: bytes=500000-516383"), 256),
    case("precompressed 10 KB, 256", "/app.js", Some("Accept-Encoding: gzip"), 256),
    case("404, 256 connections", "/none", None, 256),
    case("304, 256 connections", "/1k.bin", Some("If-Modified-Since: Sun, 01 Jan 2090 00:00:00 GMT"), 256),
    Case {
        name: "1 KB, HTTP/2, 16 × 32 streams",
        path: "/1k.bin",
        field: None,
        connections: 16,
        tool: Tool::Http2,
    },
    Case { name: "100 KB not in memory, 16", path: "/cold", field: None, connections: 16, tool: Tool::Cold },
];

fn number(name: &str, normal: u32) -> u32 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(normal)
}

fn main() {
    let (rounds, seconds) = (number("ROUNDS", 3), number("SECONDS", 3));
    let only = env::var("ONLY").unwrap_or_default();
    let folder = tempfile::tempdir().unwrap();
    plant(folder.path());
    if thread::available_parallelism().map_or(1, usize::from) < 2 {
        eprintln!("this machine has one core: a server and its load would measure each other");
        return;
    }
    let mut servers = servers::installed(folder.path());
    let mut results = Results::new();
    let cases: Vec<(usize, &Case)> =
        CASES.iter().enumerate().filter(|(_, case)| case.name.contains(&only)).collect();
    let cases: Vec<(usize, &Case)> = cases.into_iter().filter(|(_, case)| can(case)).collect();
    for round in 0..rounds {
        for &(at, case) in &cases {
            for turn in 0..servers.len() {
                let which = (turn + round as usize + at) % servers.len();
                let server = &mut servers[which];
                server.start();
                if let Some(measured) = run(case, server, seconds, folder.path()) {
                    results.entry((at, which)).or_default().push(measured);
                }
                server.stop();
            }
            eprintln!("round {} of {rounds}: {}", round + 1, case.name);
        }
    }
    table::print(&servers, &results);
    tail::print(&mut servers, number("TURNS", 15), &only);
}

/// Whether the program that makes the load is there; says so if not.
fn can(case: &Case) -> bool {
    let (program, package) = match case.tool {
        Tool::Wrk => ("wrk", "wrk"),
        Tool::Http2 => ("h2load", "nghttp2-client"),
        Tool::Cold => return true,
    };
    let there = !load::said("which", &[program]).is_empty();
    if !there {
        eprintln!("skipped: {}: {program} is not installed; `apt-get install {package}`", case.name);
    }
    there
}

fn run(case: &Case, server: &Server, seconds: u32, root: &Path) -> Option<Measured> {
    match case.tool {
        Tool::Wrk => Some(wrk(server, case.path, case.field, case.connections, seconds)),
        Tool::Http2 if server.http2 => Some(h2load(server, case.path, seconds)),
        Tool::Http2 => None,
        Tool::Cold => Some(cold(server, case.connections, root)),
    }
}

/// The files: noise, that nothing compresses on the way.
fn plant(root: &Path) {
    let mut state = 1_u64;
    let mut noise = |length: usize| -> Vec<u8> {
        let next = |state: &mut u64| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state.to_be_bytes()[2]
        };
        (0..length).map(|_| next(&mut state)).collect()
    };
    for (name, length) in [
        ("1k.bin", 1 << 10),
        ("10k.bin", 10 << 10),
        ("100k.bin", 100 << 10),
        ("1m.bin", 1 << 20),
        ("app.js.gz", 10 << 10),
    ] {
        fs::write(root.join(name), noise(length)).unwrap();
    }
    fs::write(root.join("app.js"), "let number = 1;\n".repeat(2500)).unwrap();
    fs::create_dir(root.join("cold")).unwrap();
    for number in 0..load::COLD_FILES {
        fs::write(root.join(format!("cold/{number}.bin")), noise(100 << 10)).unwrap();
    }
    rustix::fs::sync();
}
