//! The slowest hundredth of answers, of morph and of nginx, at the same rate and in turns.

use super::{
    load::wrk,
    pace::{Load, Paced},
    servers::Server,
};

const CASES: &[(&str, &str, u32)] = &[
    ("1 KB, 1 connection", "/1k.bin", 1),
    ("100 KB, 1 connection", "/100k.bin", 1),
    ("1 KB, 256 connections", "/1k.bin", 256),
    ("10 KB, 256 connections", "/10k.bin", 256),
    ("100 KB, 256 connections", "/100k.bin", 256),
    ("404, 256 connections", "/none", 256),
];

/// Parts of what nginx can answer.
const SHARES: [f64; 2] = [0.5, 0.8];

/// Measures and prints. A ratio is that of two runs that followed each other; the order changes each turn.
pub(crate) fn print(servers: &mut [Server], turns: u32, only: &str) {
    let place = |name: &str| servers.iter().position(|server| server.name == name);
    let (Some(morph), Some(nginx)) = (place("morph"), place("nginx")) else { return };
    if turns == 0 {
        return;
    }
    println!("\nAt the same rate, a part of what nginx can answer: p50 / p99 ms, medians of {turns} turns;");
    println!("and p99 of morph to that of nginx in the same turn, median (least … most).\n");
    println!("| case | rate | morph | nginx | p99, morph to nginx |");
    println!("|---|---:|---:|---:|---:|");
    for &(name, path, connections) in CASES.iter().filter(|(name, ..)| name.contains(only)) {
        servers[nginx].start();
        let most = wrk(&servers[nginx], path, None, connections, 2).rate;
        servers[nginx].stop();
        for share in SHARES {
            let rate = most * share;
            let mut took: [Vec<Paced>; 2] = [Vec::new(), Vec::new()];
            for turn in 0..turns {
                for who in if turn % 2 == 0 { [0, 1] } else { [1, 0] } {
                    let server = &mut servers[[morph, nginx][who]];
                    server.start();
                    let load = Load { port: server.port, path, connections, rate };
                    took[who].push(load.pace(1.0));
                    server.stop();
                }
            }
            row(name, rate, share, &took);
        }
    }
}

fn row(name: &str, rate: f64, share: f64, [morph, nginx]: &[Vec<Paced>; 2]) {
    let cell = |all: &[Paced]| {
        let middle = |of: fn(&Paced) -> f64| median(all.iter().map(of).collect());
        format!("{:.3} / {:.3}", middle(|paced| paced.p50), middle(|paced| paced.p99))
    };
    let ratios: Vec<f64> = morph.iter().zip(nginx).map(|(one, other)| one.p99 / other.p99).collect();
    let (least, most) =
        ratios.iter().fold((f64::MAX, 0.0_f64), |(least, most), ratio| (least.min(*ratio), most.max(*ratio)));
    println!(
        "| {name} | {rate:.0} ({:.0} %) | {} | {} | {:.2} ({least:.2} … {most:.2}) |",
        share * 100.0,
        cell(morph),
        cell(nginx),
        median(ratios)
    );
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
