//! The load: wrk, h2load, and a client of our own for files that are not in memory.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Command,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    thread,
    time::Instant,
};

use super::servers::Server;

/// Files of the cold case: each is asked for once.
pub(crate) const COLD_FILES: u32 = 300;

/// What one run of one case came to.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) rate: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Microseconds of the server's CPU for one request.
    pub(crate) cpu: f64,
    /// Megabytes of the server's own share of memory at the end.
    pub(crate) memory: f64,
}

/// What a command says.
pub(crate) fn said(command: &str, arguments: &[&str]) -> String {
    let output = Command::new(command).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

pub(crate) fn wrk(
    server: &Server,
    path: &str,
    field: Option<&str>,
    connections: u32,
    seconds: u32,
) -> Measured {
    let url = format!("http://127.0.0.1:{}{path}", server.port);
    let run = |seconds: u32| {
        let mut command = Command::new("taskset");
        command.args([
            "-c",
            "1",
            "wrk",
            "--latency",
            "-t1",
            &format!("-c{connections}"),
            &format!("-d{seconds}s"),
        ]);
        if let Some(field) = field {
            command.args(["-H", field]);
        }
        String::from_utf8(command.arg(&url).output().unwrap().stdout).unwrap()
    };
    run(1);
    let before = server.cpu();
    let text = run(seconds);
    let after = server.cpu();
    let requests = value(&text, "requests in", false);
    Measured {
        rate: value(&text, "Requests/sec:", true),
        p50: millis(&text, "50%"),
        p99: millis(&text, "99%"),
        cpu: (after - before) * 1e6 / requests,
        memory: server.memory(),
    }
}

/// The number before or after a word.
fn value(text: &str, word: &str, after: bool) -> f64 {
    let Some(at) = text.find(word) else { return 0.0 };
    let rest = if after {
        text[at + word.len()..].split_whitespace().next()
    } else {
        text[..at].split_whitespace().last()
    };
    rest.and_then(|number| number.trim_end_matches(',').parse().ok()).unwrap_or(0.0)
}

fn millis(text: &str, word: &str) -> f64 {
    let line = text.lines().find(|line| line.trim().starts_with(word)).unwrap_or("");
    let number = line.split_whitespace().nth(1).unwrap_or("");
    let digits = number.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let scale = match &number[digits.len()..] {
        "us" => 0.001,
        "s" => 1000.0,
        _ => 1.0,
    };
    digits.parse::<f64>().unwrap_or(0.0) * scale
}

pub(crate) fn h2load(server: &Server, path: &str, seconds: u32) -> Measured {
    let url = format!("http://127.0.0.1:{}{path}", server.http2_port);
    let before = server.cpu();
    let duration = format!("--duration={seconds}");
    let text =
        said("taskset", &["-c", "1", "h2load", "-c16", "-m32", "-t1", "--warm-up-time=1", &duration, &url]);
    let after = server.cpu();
    let rate = value(&text, "req/s", false);
    let line = text.lines().find(|line| line.starts_with("time for request:")).unwrap_or("");
    let mean = line.split_whitespace().nth(5).unwrap_or("");
    let mean = millis(&format!("x {mean}"), "x");
    // h2load tells mean and maximum, no percentiles; the CPU of the second of warming up is taken as like the others'.
    let cpu = (after - before) * 1e6 / (rate * f64::from(seconds + 1));
    Measured { rate, p50: mean, p99: 0.0, cpu, memory: server.memory() }
}

/// Each file once, none of them in the page cache.
pub(crate) fn cold(server: &Server, connections: u32, root: &Path) -> Measured {
    for number in 0..COLD_FILES {
        let file = fs::File::open(root.join(format!("cold/{number}.bin"))).unwrap();
        rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
    }
    let (next, before, began) = (AtomicU32::new(0), server.cpu(), Instant::now());
    let mut times: Vec<f64> = thread::scope(|scope| {
        let askers: Vec<_> = (0..connections).map(|_| scope.spawn(|| ask(server.port, &next))).collect();
        askers.into_iter().flat_map(|asker| asker.join().unwrap()).collect()
    });
    let took = began.elapsed().as_secs_f64();
    times.sort_by(f64::total_cmp);
    let count = times.len();
    let rate = f64::from(COLD_FILES) / took;
    let cpu = (server.cpu() - before) * 1e6 / f64::from(COLD_FILES);
    Measured { rate, p50: times[count / 2], p99: times[count * 99 / 100], cpu, memory: server.memory() }
}

fn ask(port: u16, next: &AtomicU32) -> Vec<f64> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (mut times, mut room) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        let number = next.fetch_add(1, Relaxed);
        if number >= COLD_FILES {
            return times;
        }
        let began = Instant::now();
        // In one piece: two small writes would wait for each other's acknowledgement.
        let text = format!("GET /cold/{number}.bin HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
        stream.write_all(text.as_bytes()).unwrap();
        let (mut got, mut whole) = (0, usize::MAX);
        while got < whole {
            let more = stream.read(&mut room[..]).unwrap();
            assert!(more > 0, "the connection ended");
            if whole == usize::MAX {
                let head = room[..more].windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
                whole = head + (100 << 10);
            }
            got += more;
        }
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
}
