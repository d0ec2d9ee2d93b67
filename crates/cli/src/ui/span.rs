//! Spans of time and amounts of bytes, for people.

use std::time::Duration;

/// Minutes and seconds since the run began, as in `02:07`; hours only when there are any.
pub(crate) fn stamp(at: Duration) -> String {
    let (minutes, seconds) = (at.as_secs() / 60, at.as_secs() % 60);
    match minutes / 60 {
        0 => format!("{minutes:02}:{seconds:02}"),
        hours => format!("{hours}:{:02}:{seconds:02}", minutes % 60),
    }
}

/// A duration to about two digits: `0.3s`, `12s`, `2m 05s`, `1h 10m`, `3d`.
pub(crate) fn took(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..10 => format!("{:.1}s", span.as_secs_f64()),
        10..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..172_800 => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// An amount of bytes in the largest unit that leaves a digit before the point.
pub(crate) fn bytes(amount: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut scaled = amount;
    let mut tenths = 0;
    while scaled >= 1024 && unit + 1 < UNITS.len() {
        tenths = scaled % 1024 * 10 / 1024;
        scaled /= 1024;
        unit += 1;
    }
    if unit == 0 || scaled >= 100 {
        format!("{scaled} {}", UNITS[unit])
    } else {
        format!("{scaled}.{tenths} {}", UNITS[unit])
    }
}

/// `1 step`, `2 steps`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_short_and_stamps_line_up() {
        let seconds = Duration::from_secs;
        assert_eq!([0, 127, 3_725].map(|at| stamp(seconds(at))), ["00:00", "02:07", "1:02:05"]);
        let spans = [0, 12, 125, 4_200, 300_000].map(|span| took(seconds(span)));
        assert_eq!(spans, ["0.0s", "12s", "2m 05s", "1h 10m", "3d"]);
        assert_eq!([0, 2_048, 75_000_000, 123 << 30].map(bytes), ["0 B", "2.0 KiB", "71.5 MiB", "123 GiB"]);
    }
}
