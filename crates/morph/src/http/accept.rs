//! Content negotiation by Accept-Encoding: RFC 9110 section 12.5.3.
//!
//! Owns: the codings this server knows and how a client ranks them. Must not: know which of them a page has.

/// A content coding, in the order in which the server prefers them when the client does not care.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Coding {
    /// Brotli, RFC 7932.
    Brotli,
    /// Zstandard, RFC 8878.
    Zstd,
    /// gzip, RFC 1952.
    Gzip,
    /// As it is.
    Identity,
}

impl Coding {
    /// All but the identity, in order of preference.
    pub const COMPRESSED: [Coding; 3] = [Coding::Brotli, Coding::Zstd, Coding::Gzip];

    /// The name in Content-Encoding; the identity is never named there.
    pub fn name(self) -> &'static str {
        match self {
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
            Coding::Gzip => "gzip",
            Coding::Identity => "identity",
        }
    }

    /// What a precompressed sibling's name ends in.
    pub fn suffix(self) -> &'static str {
        match self {
            Coding::Brotli => ".br",
            Coding::Zstd => ".zst",
            Coding::Gzip => ".gz",
            Coding::Identity => "",
        }
    }
}

/// How a client ranks the codings, in thousandths; zero is refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranking {
    quality: [u16; 4],
}

impl Ranking {
    /// Reads the field; without one anything goes, and the plain form is the safest anything.
    pub fn read(field: Option<&[u8]>) -> Ranking {
        let Some(field) = field else { return Ranking { quality: [0, 0, 0, 1] } };
        let (mut named, mut star) = ([None; 4], None);
        for entry in field.split(|&byte| byte == b',') {
            let mut pieces = entry.split(|&byte| byte == b';');
            let name = pieces.next().unwrap_or_default().trim_ascii();
            let quality = pieces.find_map(quality).unwrap_or(1000);
            match coding(name) {
                Some(coding) => named[coding as usize] = Some(quality),
                None if name == b"*" => star = Some(quality),
                None => {}
            }
        }
        let unnamed = star.unwrap_or(0);
        let mut ranking = named.map(|quality: Option<u16>| quality.unwrap_or(unnamed));
        // The identity is acceptable unless it or the star says otherwise, and then the last resort.
        if named[Coding::Identity as usize].is_none() {
            ranking[Coding::Identity as usize] = u16::from(star != Some(0));
        }
        Ranking { quality: ranking }
    }

    /// Whether the client takes this coding at all.
    pub fn takes(self, coding: Coding) -> bool {
        self.quality[coding as usize] > 0
    }

    /// The best of what there is; `None` when the client refuses all of it.
    pub fn best(self, there: impl Fn(Coding) -> bool) -> Option<Coding> {
        let mut best: Option<Coding> = None;
        for coding in [Coding::Brotli, Coding::Zstd, Coding::Gzip, Coding::Identity] {
            let better = best.is_none_or(|best| self.quality[coding as usize] > self.quality[best as usize]);
            if self.takes(coding) && better && there(coding) {
                best = Some(coding);
            }
        }
        best
    }
}

fn coding(name: &[u8]) -> Option<Coding> {
    match name.len() {
        2 if name.eq_ignore_ascii_case(b"br") => Some(Coding::Brotli),
        4 if name.eq_ignore_ascii_case(b"zstd") => Some(Coding::Zstd),
        4 if name.eq_ignore_ascii_case(b"gzip") => Some(Coding::Gzip),
        6 if name.eq_ignore_ascii_case(b"x-gzip") => Some(Coding::Gzip),
        8 if name.eq_ignore_ascii_case(b"identity") => Some(Coding::Identity),
        _ => None,
    }
}

/// `q=0.123` in thousandths; what is not a weight is `None`, a malformed weight is refusal.
fn quality(piece: &[u8]) -> Option<u16> {
    let piece = piece.trim_ascii();
    let digits = piece.strip_prefix(b"q=").or_else(|| piece.strip_prefix(b"Q="))?.trim_ascii();
    let (whole, part) = digits.split_first()?;
    let part = part.strip_prefix(b".").unwrap_or(part);
    if !matches!(whole, b'0' | b'1') || part.len() > 3 || !part.iter().all(u8::is_ascii_digit) {
        return Some(0);
    }
    let thousandths =
        part.iter().chain([b'0'; 3].iter()).take(3).fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    Some((u16::from(whole - b'0') * 1000 + thousandths).min(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(field: &str) -> Option<&'static str> {
        Ranking::read(Some(field.as_bytes())).best(|_| true).map(Coding::name)
    }

    #[test]
    fn the_highest_weight_wins_and_the_server_breaks_ties() {
        assert_eq!(best("gzip, deflate, br, zstd"), Some("br"));
        assert_eq!(best("gzip, zstd"), Some("zstd"));
        assert_eq!(best("br;q=0.2, gzip;q=0.9"), Some("gzip"));
        assert_eq!(best("compress, gzip"), Some("gzip"));
        assert_eq!(best("x-gzip"), Some("gzip"));
        assert_eq!(best("gzip;q=0.5, identity"), Some("identity"));
    }

    #[test]
    fn the_examples_of_rfc_9110_section_12_5_3() {
        assert_eq!(best("compress, gzip"), Some("gzip"));
        assert_eq!(best(""), Some("identity"));
        assert_eq!(best("*"), Some("br"));
        assert_eq!(best("compress;q=0.5, gzip;q=1.0"), Some("gzip"));
        assert_eq!(best("gzip;q=1.0, identity; q=0.5, *;q=0"), Some("gzip"));
    }

    #[test]
    fn without_a_field_the_plain_form_is_sent() {
        assert_eq!(Ranking::read(None).best(|_| true), Some(Coding::Identity));
    }

    #[test]
    fn refusal_counts_and_can_leave_nothing() {
        assert_eq!(best("br;q=0, gzip;q=0.000"), Some("identity"));
        assert_eq!(best("identity;q=0"), None);
        assert_eq!(best("*;q=0"), None);
        assert_eq!(best("br;q=2"), Some("identity"));
        let only_identity = Ranking::read(Some(b"gzip, *;q=0")).best(|coding| coding == Coding::Identity);
        assert_eq!(only_identity, None);
    }
}
