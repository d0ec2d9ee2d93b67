//! Request targets: from the bytes on the wire to a path that can be looked up beneath a root.
//!
//! Owns: the one decoding a path gets, and what is refused before the disk is asked. Must not: ask the disk.

use std::borrow::Cow;

/// A target, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Target<'a> {
    /// The authority of an absolute-form target; it goes before Host (RFC 9112 section 3.2.2).
    pub authority: Option<&'a [u8]>,
    /// Decoded once; begins with a slash, no empty, `.` or `..` segment, no NUL.
    pub path: Cow<'a, [u8]>,
    /// What follows the question mark, as it came.
    pub query: Option<&'a [u8]>,
}

/// Why a target is not looked up.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not a target, or an escape that is none: 400.
    Malformed,
    /// Well formed, but nothing that a tree may hold: traversal, NUL, encoded slashes. 400 alike.
    Forbidden,
}

/// Takes a target apart. `*` (for OPTIONS) comes out as the path `*`.
pub fn read(raw: &[u8]) -> Result<Target<'_>, Refusal> {
    if raw == b"*" {
        return Ok(Target { authority: None, path: Cow::Borrowed(raw), query: None });
    }
    let (authority, rest) = if raw.starts_with(b"/") { (None, raw) } else { absolute(raw)? };
    let rest = rest.split(|&byte| byte == b'#').next().unwrap_or_default();
    let (path, query) = match rest.iter().position(|&byte| byte == b'?') {
        Some(mark) => (&rest[..mark], Some(&rest[mark + 1..])),
        None => (rest, None),
    };
    let path = if path.is_empty() { b"/" } else { path };
    Ok(Target { authority, path: decode(path)?, query })
}

/// `http://authority/path`; https too, for a proxy in front may have ended TLS.
fn absolute(raw: &[u8]) -> Result<(Option<&[u8]>, &[u8]), Refusal> {
    let scheme_end = raw.windows(3).position(|bytes| bytes == b"://").ok_or(Refusal::Malformed)?;
    let (scheme, rest) = (&raw[..scheme_end], &raw[scheme_end + 3..]);
    if !scheme.eq_ignore_ascii_case(b"http") && !scheme.eq_ignore_ascii_case(b"https") {
        return Err(Refusal::Malformed);
    }
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    if end == 0 {
        return Err(Refusal::Malformed);
    }
    Ok((Some(&rest[..end]), &rest[end..]))
}

fn decode(raw: &[u8]) -> Result<Cow<'_, [u8]>, Refusal> {
    if !raw.starts_with(b"/") {
        return Err(Refusal::Malformed);
    }
    // Most paths need nothing: no escape, no doubled slash, no dot segment, no byte that is refused.
    let plain = raw.iter().all(|&byte| byte > 0x20 && !matches!(byte, b'%' | b'\\' | 0x7f));
    if plain && !raw.windows(2).any(|pair| pair == b"//" || pair == b"/.") {
        return Ok(Cow::Borrowed(raw));
    }
    let decoded = unescape(raw)?;
    let mut path = Vec::with_capacity(decoded.len());
    for segment in decoded.split(|&byte| byte == b'/').filter(|segment| !segment.is_empty()) {
        if segment == b"." || segment == b".." {
            return Err(Refusal::Forbidden);
        }
        path.push(b'/');
        path.extend_from_slice(segment);
    }
    if decoded.ends_with(b"/") {
        path.push(b'/');
    }
    Ok(Cow::Owned(path))
}

fn unescape(raw: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw.iter();
    while let Some(&byte) = rest.next() {
        let escaped = byte == b'%';
        let byte = if escaped {
            let high = rest.next().and_then(|&digit| hex(digit)).ok_or(Refusal::Malformed)?;
            let low = rest.next().and_then(|&digit| hex(digit)).ok_or(Refusal::Malformed)?;
            high << 4 | low
        } else {
            byte
        };
        // A slash that hides in an escape would change what the segments are; control bytes and backslashes are
        // never part of a name that anyone publishes, and often part of an attempt.
        if byte < 0x20 || byte == 0x7f || byte == b'\\' || escaped && byte == b'/' {
            return Err(Refusal::Forbidden);
        }
        decoded.push(byte);
    }
    Ok(decoded)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// Whether any segment is hidden (begins with a dot), `.well-known` at the root apart (RFC 8615).
pub fn is_hidden(path: &[u8]) -> bool {
    let rest = path.strip_prefix(b"/.well-known/").unwrap_or(path);
    rest.starts_with(b".") || rest.windows(2).any(|pair| pair == b"/.")
}

/// Writes a decoded path for a Location field: what is not unreserved or a slash is escaped again.
pub fn escape(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for &byte in path {
        match byte {
            b'A'..=b'Z'
            | b'a'..=b'z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'~'
            | b'/'
            | b'@'
            | b'+'
            | b','
            | b'=' => {
                text.push(char::from(byte));
            }
            _ => {
                text.push('%');
                for digit in [byte >> 4, byte & 15] {
                    text.push(char::from(b"0123456789ABCDEF"[usize::from(digit)]));
                }
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(raw: &str) -> Result<String, Refusal> {
        read(raw.as_bytes()).map(|target| String::from_utf8_lossy(&target.path).into_owned())
    }

    #[test]
    fn plain_paths_pass_and_queries_come_off() {
        assert_eq!(path("/").as_deref(), Ok("/"));
        assert_eq!(path("/a/b.html?x=/../y").as_deref(), Ok("/a/b.html"));
        assert_eq!(path("/a%20b/%C3%A4").as_deref(), Ok("/a b/ä"));
        assert_eq!(path("//a///b//").as_deref(), Ok("/a/b/"));
        assert_eq!(path("/a..b/...").as_deref(), Ok("/a..b/..."));
        assert_eq!(path("*").as_deref(), Ok("*"));
    }

    #[test]
    fn traversal_is_refused_in_every_encoding() {
        for raw in [
            "/..",
            "/../etc/passwd",
            "/a/../b",
            "/a/./b",
            "/%2e%2e/etc",
            "/%2E./x",
            "/.%2e/x",
            "/a/%2e%2e",
            "/..%2fetc",
            "/..%5cetc",
            "/..\\etc",
            "/a\\..\\b",
            "/%00",
            "/a%00.html",
            "/a%0ab",
            "/x%2f..%2fy",
            "/%5c..",
            "/a/..;/b/../c",
        ] {
            assert_eq!(path(raw), Err(Refusal::Forbidden), "{raw}");
        }
    }

    #[test]
    fn an_escape_is_decoded_once() {
        assert_eq!(path("/%252e%252e/x").as_deref(), Ok("/%2e%2e/x"));
        for raw in ["/%", "/%2", "/%zz", "/%+1", "relative", "", "ftp://a/b", "http:///x", "?x"] {
            assert_eq!(path(raw), Err(Refusal::Malformed), "{raw}");
        }
    }

    #[test]
    fn the_absolute_form_names_its_host() {
        let target = read(b"http://example.org:80?q").unwrap();
        assert_eq!(
            (target.authority, &*target.path, target.query),
            (Some(&b"example.org:80"[..]), &b"/"[..], Some(&b"q"[..]))
        );
    }

    #[test]
    fn hidden_is_what_begins_with_a_dot_but_not_well_known() {
        assert!(
            is_hidden(b"/.git/config")
                && is_hidden(b"/a/.env")
                && is_hidden(b"/.well-known/.x")
                && is_hidden(b"/a/.well-known/x")
        );
        assert!(!is_hidden(b"/.well-known/security.txt") && !is_hidden(b"/a.b/c.d"));
    }

    proptest! {
        #[test]
        fn whatever_comes_out_stays_beneath_the_root(raw in "/[a./%2eE5cF\\\\?]{0,24}") {
            if let Ok(target) = read(raw.as_bytes()) {
                prop_assert!(target.path.starts_with(b"/"));
                prop_assert!(!target.path.windows(2).any(|pair| pair == b"//"));
                for segment in target.path.split(|&byte| byte == b'/') {
                    prop_assert!(segment != b"." && segment != b".." && !segment.contains(&0));
                }
            }
        }

        #[test]
        fn escaping_and_reading_again_gives_the_same_path(path in "(/[a-zA-Z0-9ä %?#&~]{1,6}){1,4}") {
            let raw = escape(path.as_bytes());
            prop_assert_eq!(&*read(raw.as_bytes()).unwrap().path, path.as_bytes());
        }
    }
}
