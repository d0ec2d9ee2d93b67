//! What is counted, and how it is told to Prometheus.
//!
//! Owns: counters without locks, one set a worker, summed when asked for. Must not: change what is served.

use std::{
    fmt::Write,
    sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Upper bounds of the latency histogram in microseconds.
const BOUNDS: [u64; 10] = [100, 250, 500, 1000, 2500, 10_000, 50_000, 250_000, 1_000_000, 10_000_000];

/// The counters of one worker.
#[derive(Debug)]
pub struct Counts {
    /// By site (the last is no site) and first digit of the status.
    answers: Vec<[AtomicU64; 6]>,
    bytes: AtomicU64,
    latency: [AtomicU64; BOUNDS.len() + 1],
    latency_sum: AtomicU64,
    /// Connections taken.
    pub accepted: AtomicU64,
    /// Connections turned away, being too many.
    pub refused: AtomicU64,
    /// Connections ended for being slow or idle.
    pub expired: AtomicU64,
    /// Connections open now.
    pub open: AtomicI64,
    /// Log lines dropped because standard output did not take them.
    pub unlogged: AtomicU64,
}

impl Counts {
    /// For so many sites.
    pub fn new(sites: usize) -> Counts {
        Counts {
            answers: (0..=sites).map(|_| Default::default()).collect(),
            bytes: AtomicU64::new(0),
            latency: Default::default(),
            latency_sum: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            open: AtomicI64::new(0),
            unlogged: AtomicU64::new(0),
        }
    }

    /// Counts an answer that was sent.
    pub fn answer(&self, site: Option<usize>, status: u16, bytes: u64, took: Duration) {
        let by_class = &self.answers[site.unwrap_or(self.answers.len() - 1).min(self.answers.len() - 1)];
        by_class[usize::from(status / 100).min(5)].fetch_add(1, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|&bound| micros <= bound).unwrap_or(BOUNDS.len());
        self.latency[bucket].fetch_add(1, Relaxed);
        self.latency_sum.fetch_add(micros, Relaxed);
    }
}

/// Adds one.
pub fn bump(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

/// The text that Prometheus reads (exposition format 0.0.4). `names` are the sites' first hosts; `kept` the bytes in
/// the caches of files and of made forms.
pub fn tell(all: &[&Counts], names: &[String], kept: (u64, u64)) -> String {
    let mut text = String::with_capacity(4096);
    let sum =
        |pick: fn(&Counts) -> &AtomicU64| all.iter().map(|counts| pick(counts).load(Relaxed)).sum::<u64>();
    head(&mut text, "morph_answers_total", "counter", "Answers by site and class of status.");
    for site in 0..all.first().map_or(0, |counts| counts.answers.len()) {
        let name = names.get(site).map_or("", String::as_str);
        for class in 1..=5 {
            let count: u64 = all.iter().map(|counts| counts.answers[site][class].load(Relaxed)).sum();
            let _ = writeln!(text, "morph_answers_total{{site=\"{name}\",status=\"{class}xx\"}} {count}");
        }
    }
    head(
        &mut text,
        "morph_answer_seconds",
        "histogram",
        "From a request's last byte to the last byte handed to the kernel.",
    );
    let mut cumulative = 0;
    for (at, bound) in BOUNDS.iter().map(Some).chain([None]).enumerate() {
        cumulative += all.iter().map(|counts| counts.latency[at].load(Relaxed)).sum::<u64>();
        let bound = bound
            .map_or("+Inf".to_owned(), |&micros| Duration::from_micros(micros).as_secs_f64().to_string());
        let _ = writeln!(text, "morph_answer_seconds_bucket{{le=\"{bound}\"}} {cumulative}");
    }
    let seconds = Duration::from_micros(sum(|counts| &counts.latency_sum)).as_secs_f64();
    let _ = writeln!(text, "morph_answer_seconds_sum {seconds}\nmorph_answer_seconds_count {cumulative}");
    for (name, help, value) in [
        ("morph_content_bytes_total", "Bytes of content sent.", sum(|counts| &counts.bytes)),
        ("morph_connections_accepted_total", "Connections taken.", sum(|counts| &counts.accepted)),
        (
            "morph_connections_refused_total",
            "Connections turned away at the limit.",
            sum(|counts| &counts.refused),
        ),
        (
            "morph_connections_expired_total",
            "Connections ended for being slow or idle.",
            sum(|counts| &counts.expired),
        ),
        (
            "morph_log_lines_dropped_total",
            "Access log lines that standard output did not take.",
            sum(|counts| &counts.unlogged),
        ),
    ] {
        head(&mut text, name, "counter", help);
        let _ = writeln!(text, "{name} {value}");
    }
    let open: i64 = all.iter().map(|counts| counts.open.load(Relaxed)).sum();
    head(&mut text, "morph_connections_open", "gauge", "Connections open now.");
    let _ = writeln!(text, "morph_connections_open {open}");
    head(&mut text, "morph_cache_bytes", "gauge", "Weight of what is kept.");
    let _ = writeln!(
        text,
        "morph_cache_bytes{{what=\"files\"}} {}\nmorph_cache_bytes{{what=\"compressed\"}} {}",
        kept.0, kept.1
    );
    text
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_all_workers_are_summed() {
        let (one, two) = (Counts::new(1), Counts::new(1));
        one.answer(Some(0), 200, 10, Duration::from_micros(90));
        two.answer(Some(0), 206, 5, Duration::from_mins(1));
        two.answer(None, 421, 0, Duration::from_millis(2));
        let text = tell(&[&one, &two], &["a.org".to_owned()], (7, 8));
        for line in [
            "morph_answers_total{site=\"a.org\",status=\"2xx\"} 2",
            "morph_answers_total{site=\"\",status=\"4xx\"} 1",
            "morph_answer_seconds_bucket{le=\"0.0001\"} 1",
            "morph_answer_seconds_bucket{le=\"+Inf\"} 3",
            "morph_content_bytes_total 15",
            "morph_cache_bytes{what=\"compressed\"} 8",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} in\n{text}");
        }
    }
}
