//! Request heads of HTTP/1.0 and 1.1: RFC 9112.
//!
//! Owns: what a head must be to be answered, and what its body means for the connection. Must not: read sockets.

use std::mem::MaybeUninit;

use super::fields::Fields;

/// A request method, as far as a static server tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// OPTIONS.
    Options,
    /// Known and not allowed here: 405.
    Other,
    /// Not a method of RFC 9110 or 5789: 501.
    Unknown,
}

impl Method {
    /// By name; methods are case-sensitive.
    pub fn of(name: &str) -> Method {
        match name {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "OPTIONS" => Method::Options,
            "POST" | "PUT" | "DELETE" | "CONNECT" | "TRACE" | "PATCH" => Method::Other,
            _ => Method::Unknown,
        }
    }
}

/// One request, borrowed from the bytes it came in.
#[derive(Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The method's name as it came, for the access log.
    pub name: &'a str,
    /// The target as it came.
    pub target: &'a [u8],
    /// The fields that count.
    pub fields: Fields<'a>,
}

/// What follows a head, and what becomes of the connection.
#[derive(Debug, PartialEq, Eq)]
pub struct After {
    /// Whether the client wants the connection kept.
    pub keep: bool,
    /// Bytes of a body to skip before the next head; `None` when they cannot be told and the connection must end.
    pub skip: Option<u64>,
    /// HTTP/1.0, where keeping must be said.
    pub old: bool,
}

/// A head that is no request to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Complaint {
    /// 400.
    Malformed,
    /// 431.
    TooLarge,
    /// 414.
    TargetTooLong,
    /// 501: a transfer coding besides `chunked`.
    Coding,
    /// 505.
    Version,
}

impl Complaint {
    /// The status that says it.
    pub fn status(self) -> u16 {
        match self {
            Complaint::Malformed => 400,
            Complaint::TooLarge => 431,
            Complaint::TargetTooLong => 414,
            Complaint::Coding => 501,
            Complaint::Version => 505,
        }
    }
}

/// How large a head may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of the whole head.
    pub head: usize,
    /// Bytes of the target.
    pub target: usize,
    /// Number of fields, at most [`FIELDS`].
    pub fields: usize,
}

/// The most fields that any configuration may allow.
pub const FIELDS: usize = 128;

/// What the bytes so far are.
#[allow(
    clippy::large_enum_variant,
    reason = "lives on the stack for one call; a box would cost an allocation a request"
)]
#[derive(Debug)]
pub enum Parsed<'a> {
    /// Not yet a head.
    Partial,
    /// A request, what follows it, and how many bytes its head took.
    Done(Request<'a>, After, usize),
    /// Never a request.
    Bad(Complaint),
}

/// Reads the head at the beginning of `bytes`.
pub fn parse<'a>(bytes: &'a [u8], limits: &HeadLimits) -> Parsed<'a> {
    let mut room = [const { MaybeUninit::uninit() }; FIELDS];
    let mut request = httparse::Request::new(&mut []);
    let room = &mut room[..limits.fields.min(FIELDS)];
    let used = match request.parse_with_uninit_headers(bytes, room) {
        Ok(httparse::Status::Complete(used)) => used,
        Ok(httparse::Status::Partial) => return unfinished(bytes, limits),
        Err(httparse::Error::TooManyHeaders) => return Parsed::Bad(Complaint::TooLarge),
        Err(httparse::Error::Version) => return Parsed::Bad(version(bytes)),
        Err(_) => return Parsed::Bad(Complaint::Malformed),
    };
    let (Some(name), Some(target)) = (request.method, request.path) else {
        return Parsed::Bad(Complaint::Malformed);
    };
    if target.len() > limits.target {
        return Parsed::Bad(Complaint::TargetTooLong);
    }
    if used > limits.head {
        return Parsed::Bad(Complaint::TooLarge);
    }
    let mut fields = Fields::default();
    for header in request.headers.iter() {
        fields.take(header.name.as_bytes(), header.value);
    }
    let old = request.version == Some(0);
    match after(&fields, old) {
        Ok(after) => Parsed::Done(
            Request { method: Method::of(name), name, target: target.as_bytes(), fields },
            after,
            used,
        ),
        Err(complaint) => Parsed::Bad(complaint),
    }
}

/// Whether a partial head may still become one within the limits.
fn unfinished<'a>(bytes: &[u8], limits: &HeadLimits) -> Parsed<'a> {
    let line = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
    // A method and a version stand around the target.
    if line > limits.target + 32 {
        return Parsed::Bad(Complaint::TargetTooLong);
    }
    if bytes.len() >= limits.head { Parsed::Bad(Complaint::TooLarge) } else { Parsed::Partial }
}

/// A version of HTTP that is not ours is 505; what is no version at all is malformed.
fn version(bytes: &[u8]) -> Complaint {
    let line =
        bytes.split(|&byte| byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let mut words = line.trim_ascii().split(|&byte| byte == b' ').skip(2);
    let digits = words.next().and_then(|word| word.strip_prefix(b"HTTP/")).unwrap_or_default();
    let named = words.next().is_none()
        && !digits.is_empty()
        && digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    if named { Complaint::Version } else { Complaint::Malformed }
}

/// Framing that could be read in two ways, and a Host that is not as RFC 9112 section 3.2 wants it, are refused.
fn after(fields: &Fields<'_>, old: bool) -> Result<After, Complaint> {
    if fields.hosts > 1 || fields.hosts == 0 && !old || fields.lengths_differ {
        return Err(Complaint::Malformed);
    }
    let skip = match (&fields.transfer_encoding, fields.content_length) {
        // Both at once is how requests are smuggled.
        (Some(_), Some(_)) => return Err(Complaint::Malformed),
        (Some(_), None) if old => return Err(Complaint::Malformed),
        (Some(codings), None) => chunked(codings).map(|()| None)?,
        (None, Some(digits)) => Some(number(digits).ok_or(Complaint::Malformed)?),
        (None, None) => Some(0),
    };
    let keep = !fields.connection_says(b"close") && (!old || fields.connection_says(b"keep-alive"));
    Ok(After { keep, skip, old })
}

/// Whether a body ends where its last chunk says (RFC 9112 section 6.3), and has no coding that nobody here knows.
fn chunked(codings: &[u8]) -> Result<(), Complaint> {
    let is_chunked = |coding: &[u8]| coding.trim_ascii().eq_ignore_ascii_case(b"chunked");
    let mut codings = codings.rsplit(|&byte| byte == b',');
    match (codings.next().is_some_and(is_chunked), codings.next()) {
        (false, _) => Err(Complaint::Malformed),
        (true, Some(_)) => Err(Complaint::Coding),
        (true, None) => Ok(()),
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(digits.trim_ascii()).ok()?;
    // `parse` would take a sign.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: HeadLimits = HeadLimits { head: 1024, target: 256, fields: 8 };

    fn told(text: &str) -> String {
        match parse(text.as_bytes(), &LIMITS) {
            Parsed::Partial => "partial".to_owned(),
            Parsed::Bad(complaint) => complaint.status().to_string(),
            Parsed::Done(request, after, used) => {
                let rest = text.len() - used;
                format!("{:?} keep={} skip={:?} rest={rest}", request.method, after.keep, after.skip)
            }
        }
    }

    #[test]
    fn heads_are_read_and_what_follows_stays() {
        assert_eq!(told("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET"), "Get keep=true skip=Some(0) rest=3");
        assert_eq!(told("HEAD / HTTP/1.0\r\n\r\n"), "Head keep=false skip=Some(0) rest=0");
        assert_eq!(
            told("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
            "Get keep=true skip=Some(0) rest=0"
        );
        assert_eq!(
            told("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, close\r\n\r\n"),
            "Get keep=false skip=Some(0) rest=0"
        );
        assert_eq!(told("GET / HTTP/1.1\r\nHo"), "partial");
    }

    #[test]
    fn a_request_of_1_1_names_exactly_one_host() {
        assert_eq!(told("GET / HTTP/1.1\r\n\r\n"), "400");
        assert_eq!(told("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), "400");
    }

    #[test]
    fn framing_that_could_be_read_in_two_ways_is_refused() {
        let with = |fields: &str| told(&format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n"));
        assert_eq!(with("Content-Length: 5"), "Other keep=true skip=Some(5) rest=0");
        assert_eq!(with("Content-Length: 5\r\nContent-Length: 6"), "400");
        assert_eq!(with("Content-Length: 5\r\nTransfer-Encoding: chunked"), "400");
        assert_eq!(with("Content-Length: +5"), "400");
        assert_eq!(with("Content-Length: 5, 5"), "400");
        assert_eq!(with("Transfer-Encoding: chunked"), "Other keep=true skip=None rest=0");
        assert_eq!(with("Transfer-Encoding: gzip, Chunked"), "501");
        assert_eq!(with("Transfer-Encoding: xchunked"), "400");
        assert_eq!(with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"), "400");
        assert_eq!(with("X : y"), "400");
        assert_eq!(with("X: y\r\n folded"), "400");
    }

    #[test]
    fn limits_hold_before_and_after_the_head_is_complete() {
        let long = "x".repeat(300);
        assert_eq!(told(&format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n")), "414");
        assert_eq!(told(&format!("GET /{long}")), "414");
        assert_eq!(told(&format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "y".repeat(1100))), "431");
        assert_eq!(told(&format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(8))), "431");
    }

    #[test]
    fn other_versions_are_named_and_junk_is_not_one() {
        assert_eq!(told("GET / HTTP/3.0\r\n\r\n"), "505");
        assert_eq!(told("GET / HTCPCP/1.0\r\n\r\n"), "400");
        assert_eq!(told("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"), "400");
        assert_eq!(told("\u{16}\u{3}\u{1}"), "400");
    }
}
