//! The table, as README has it.

use std::fs;

use super::{
    CASES, Results,
    load::{self, Measured},
    servers::Server,
};

pub(crate) fn print(servers: &[Server], results: &Results) {
    println!("{}", machine());
    let versions: Vec<String> =
        servers.iter().map(|server| format!("{} {}", server.name, server.version)).collect();
    println!("{}", versions.join(", "));
    println!(
        "In each cell: **CPU µs a request** · requests/s · p50 / p99 ms (HTTP/2: mean); median of the rounds.\n"
    );
    println!("| case | {} |", servers.iter().map(|server| server.name).collect::<Vec<_>>().join(" | "));
    println!("|---|{}", "---:|".repeat(servers.len()));
    let measured = |at: usize| (0..servers.len()).any(|which| results.contains_key(&(at, which)));
    for (at, case) in CASES.iter().enumerate().filter(|(at, _)| measured(*at)) {
        let cells: Vec<String> = (0..servers.len())
            .map(|which| {
                median(results.get(&(at, which))).map_or("–".to_owned(), |measured| cell(&measured))
            })
            .collect();
        println!("| {} | {} |", case.name, cells.join(" | "));
    }
    let memory: Vec<String> = (0..servers.len())
        .map(|which| {
            let with = |connections| at_end(results, which, connections).map_or("–".to_owned(), three_digits);
            format!("{} / {}", with(256), with(5000))
        })
        .collect();
    println!("| memory MB, 256 / 5,000 connections | {} |", memory.join(" | "));
    println!("\nRates moved from round to round by:\n");
    for (at, case) in CASES.iter().enumerate().filter(|(at, _)| measured(*at)) {
        let spreads: Vec<String> = (0..servers.len())
            .map(|which| {
                format!("±{:.0} %", results.get(&(at, which)).map_or(0.0, |all| spread(all)) * 100.0)
            })
            .collect();
        println!("| {} | {} |", case.name, spreads.join(" | "));
    }
}

fn cell(measured: &Measured) -> String {
    // h2load tells a mean and no percentiles.
    let p99 = if measured.p99 > 0.0 { three_digits(measured.p99) } else { "–".to_owned() };
    let (cpu, rate) = (three_digits(measured.cpu), thousands(measured.rate));
    format!("**{cpu}** · {rate} · {} / {p99}", three_digits(measured.p50))
}

/// As many digits as mean something.
fn three_digits(number: f64) -> String {
    let places = if number < 1.0 { 2 } else { usize::from(number < 100.0) };
    format!("{number:.places$}")
}

fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    match digits.len() {
        0..=3 => digits,
        length => format!("{},{}", &digits[..length - 3], &digits[length - 3..]),
    }
}

/// Memory at the end of the case with 1 KB and this many connections.
fn at_end(results: &Results, which: usize, connections: u32) -> Option<f64> {
    let at = CASES.iter().position(|case| case.path == "/1k.bin" && case.connections == connections)?;
    Some(median(results.get(&(at, which)))?.memory)
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
