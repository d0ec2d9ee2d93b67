//! Range requests: RFC 9110 section 14.
//!
//! Owns: which bytes a Range field asks for. Must not: know whether the field applies (`condition` decides that).

use std::ops::Range;

/// More ranges than this in one request are answered with the whole: nobody needs them, and each costs a part head.
const MOST: usize = 64;

/// What a Range field comes to for a representation of known length.
#[derive(Debug, PartialEq, Eq)]
pub enum Ranges {
    /// Not bytes, malformed, or more than the whole: the field is ignored, as section 14.2 allows.
    Ignored,
    /// Well formed, and no byte of it exists: 416.
    Unsatisfiable,
    /// One part.
    One(Range<u64>),
    /// Several parts, in the order they were asked for.
    Many(Vec<Range<u64>>),
}

/// Reads a Range field for a representation of `length` bytes.
pub fn read(field: &[u8], length: u64) -> Ranges {
    let Some(list) = after_unit(field) else { return Ranges::Ignored };
    if length == 0 {
        // No Content-Range can describe a part of nothing.
        return Ranges::Ignored;
    }
    let mut found = Vec::new();
    let mut asked = 0;
    for spec in list.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|spec| !spec.is_empty()) {
        asked += 1;
        match one(spec, length) {
            Spec::Part(range) => found.push(range),
            Spec::Beyond => {}
            Spec::Malformed => return Ranges::Ignored,
        }
    }
    let sum = found.iter().fold(0, |sum: u64, range| sum.saturating_add(range.end - range.start));
    match found.len() {
        _ if asked == 0 || asked > MOST => Ranges::Ignored,
        0 => Ranges::Unsatisfiable,
        1 => Ranges::One(found.remove(0)),
        _ if sum > length => Ranges::Ignored,
        _ => Ranges::Many(found),
    }
}

fn after_unit(field: &[u8]) -> Option<&[u8]> {
    let (unit, list) = field.split_at_checked(5)?;
    let list = list.trim_ascii_start().strip_prefix(b"=")?;
    unit.eq_ignore_ascii_case(b"bytes").then_some(list)
}

enum Spec {
    Part(Range<u64>),
    Beyond,
    Malformed,
}

fn one(spec: &[u8], length: u64) -> Spec {
    match bounds(spec, length) {
        Some(range) if range.start < length && range.start < range.end => {
            Spec::Part(range.start..range.end.min(length))
        }
        Some(_) => Spec::Beyond,
        None => Spec::Malformed,
    }
}

/// The range as it was asked for, its end perhaps beyond the end.
fn bounds(spec: &[u8], length: u64) -> Option<Range<u64>> {
    let dash = spec.iter().position(|&byte| byte == b'-')?;
    let (first, last) = (&spec[..dash], &spec[dash + 1..]);
    if first.is_empty() {
        return Some(length.saturating_sub(number(last)?)..length);
    }
    let first = number(first)?;
    if last.is_empty() {
        return Some(first..u64::MAX);
    }
    let last = number(last)?;
    (first <= last).then(|| first..last.saturating_add(1))
}

/// Digits only; what does not fit is as good as the largest.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        digits
            .iter()
            .fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'))),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    #[allow(clippy::single_range_in_vec_init, reason = "ranges are the data here")]
    fn the_examples_of_rfc_9110_section_14_1_2() {
        assert_eq!(read(b"bytes=0-499", 10_000), Ranges::One(0..500));
        assert_eq!(read(b"bytes=500-999", 10_000), Ranges::One(500..1000));
        assert_eq!(read(b"bytes=-500", 10_000), Ranges::One(9500..10_000));
        assert_eq!(read(b"bytes=9500-", 10_000), Ranges::One(9500..10_000));
        assert_eq!(read(b"bytes=0-0,-1", 10_000), Ranges::Many(vec![0..1, 9999..10_000]));
        assert_eq!(
            read(b"bytes= 0-999, 4500-5499, -1000", 10_000),
            Ranges::Many(vec![0..1000, 4500..5500, 9000..10_000])
        );
        assert_eq!(read(b"bytes=500-600,601-999", 10_000), Ranges::Many(vec![500..601, 601..1000]));
    }

    #[test]
    fn what_is_malformed_or_foreign_is_ignored() {
        for field in [
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=2-1",
            "bytes=1",
            "items=0-1",
            "bytes=0-1,x",
            "bytes=+1-2",
            "",
        ] {
            assert_eq!(read(field.as_bytes(), 100), Ranges::Ignored, "{field}");
        }
    }

    #[test]
    fn what_lies_beyond_the_end_is_unsatisfiable_and_an_end_beyond_it_is_cut() {
        assert_eq!(read(b"bytes=100-", 100), Ranges::Unsatisfiable);
        assert_eq!(read(b"bytes=-0", 100), Ranges::Unsatisfiable);
        assert_eq!(read(b"bytes=99-99999999999999999999999", 100), Ranges::One(99..100));
        assert_eq!(read(b"bytes=-1000", 100), Ranges::One(0..100));
        assert_eq!(read(b"bytes=200-300,5-6", 100), Ranges::One(5..7));
    }

    #[test]
    fn more_than_the_whole_gets_the_whole() {
        assert_eq!(read(b"bytes=0-,0-,0-", 100), Ranges::Ignored);
        assert_eq!(
            read(
                "bytes=".bytes().chain("1-1,".bytes().cycle().take(400)).collect::<Vec<_>>().as_slice(),
                1000
            ),
            Ranges::Ignored
        );
    }

    proptest! {
        #[test]
        fn no_range_ever_leaves_the_representation(field in "bytes=[0-9,\\- ]{0,40}", length in 0_u64..2000) {
            let ranges = match read(field.as_bytes(), length) {
                Ranges::One(range) => vec![range],
                Ranges::Many(ranges) => ranges,
                _ => vec![],
            };
            for range in ranges {
                prop_assert!(range.start < range.end && range.end <= length);
            }
        }
    }
}
