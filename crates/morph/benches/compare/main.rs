//! morph beside nginx, static-web-server and Caddy: one run, one machine, one table.
//!
//! `cargo bench -p morph --bench compare` measures whichever of them are installed. The server has the first core and
//! the load the second. Each case runs all servers one after the other, beginning with another one each round; the
//! median of the rounds counts.
//!
//! | variable | |
//! |---|---|
//! | `MORPH` | the program to measure; by default a static one is built with the `dist` profile |
//! | `STATIC_WEB_SERVER` | path of static-web-server (`cargo install static-web-server`) |
//! | `ROUNDS`, `SECONDS` | 3 rounds of 3 seconds each |
//! | `ONLY` | cases whose name contains this |

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a bench prints, and a panic is how it fails"
)]

mod load;
mod servers;

use std::{collections::BTreeMap, env, fs, path::Path};

use load::{Measured, cold, h2load, wrk};
use servers::Server;

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
        name: "1 KB, HTTP/2, 16 of 32 streams",
        path: "/1k.bin",
        field: None,
        connections: 16,
        tool: Tool::Http2,
    },
    Case {
        name: "100 KB cold, 16 connections",
        path: "/cold",
        field: None,
        connections: 16,
        tool: Tool::Cold,
    },
];

fn number(name: &str, normal: u32) -> u32 {
    env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(normal)
}

fn main() {
    let (rounds, seconds) = (number("ROUNDS", 3), number("SECONDS", 3));
    let only = env::var("ONLY").unwrap_or_default();
    let folder = tempfile::tempdir().unwrap();
    plant(folder.path());
    let mut servers = servers::installed(folder.path());
    let mut table: BTreeMap<(usize, usize), Vec<Measured>> = BTreeMap::new();
    for round in 0..rounds {
        for (at, case) in CASES.iter().enumerate().filter(|(_, case)| case.name.contains(&only)) {
            for turn in 0..servers.len() {
                let which = (turn + round as usize + at) % servers.len();
                let server = &mut servers[which];
                server.start();
                if let Some(measured) = run(case, server, seconds, folder.path()) {
                    table.entry((at, which)).or_default().push(measured);
                }
                server.stop();
            }
            eprintln!("round {} of {rounds}: {}", round + 1, case.name);
        }
    }
    print(&servers, &table);
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

fn print(servers: &[Server], table: &BTreeMap<(usize, usize), Vec<Measured>>) {
    println!("{}", machine());
    for server in servers {
        println!("- {}: {}", server.name, server.version);
    }
    println!("\n| case | | {} |", servers.iter().map(|server| server.name).collect::<Vec<_>>().join(" | "));
    println!("|---|---|{}", "---:|".repeat(servers.len()));
    let row = |name: &str, unit: &str, at: usize, show: &dyn Fn(&Measured) -> String| {
        let cells: Vec<String> = (0..servers.len())
            .map(|which| median(table.get(&(at, which))).as_ref().map_or("–".to_owned(), show))
            .collect();
        println!("| {name} | {unit} | {} |", cells.join(" | "));
    };
    for (at, case) in CASES
        .iter()
        .enumerate()
        .filter(|(at, _)| (0..servers.len()).any(|which| table.contains_key(&(*at, which))))
    {
        let spread = |which: usize| table.get(&(at, which)).map_or(0.0, |all| spread(all));
        row(case.name, "requests/s", at, &|measured| format!("{:.0}", measured.rate));
        row("", "p50 / p99 ms", at, &|measured| {
            if measured.p99 > 0.0 {
                format!("{:.2} / {:.2}", measured.p50, measured.p99)
            } else {
                format!("{:.2} mean", measured.p50)
            }
        });
        row("", "CPU µs/request", at, &|measured| format!("{:.1}", measured.cpu));
        row("", "memory MB", at, &|measured| format!("{:.1}", measured.memory));
        let spreads: Vec<String> =
            (0..servers.len()).map(|which| format!("±{:.0} %", spread(which) * 100.0)).collect();
        println!("| | spread of rounds | {} |", spreads.join(" | "));
    }
}

/// The round with the median rate.
fn median(all: Option<&Vec<Measured>>) -> Option<Measured> {
    let mut all = all?.clone();
    all.sort_by(|one, other| one.rate.total_cmp(&other.rate));
    Some(all.swap_remove(all.len() / 2))
}

fn spread(all: &[Measured]) -> f64 {
    let rates = all.iter().map(|measured| measured.rate);
    let (least, most) = (rates.clone().fold(f64::MAX, f64::min), rates.fold(0.0, f64::max));
    if most > 0.0 { (most - least) / (most + least) } else { 0.0 }
}

fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let cpu = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("")
        .trim_start_matches(['\t', ' ', ':'])
        .to_owned();
    let date = load::said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]);
    format!(
        "{date}; {cpu}, {} cores; Linux {}; load {}",
        load::said("nproc", &[]),
        read("/proc/sys/kernel/osrelease").trim(),
        read("/proc/loadavg").trim()
    )
}
