//! Preconditions: RFC 9110 section 13, for GET and HEAD.
//!
//! Owns: whether a representation is sent, and whether the Range field applies. Must not: read the disk or the clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::fields::Fields;

/// What the preconditions come to.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send it; `range` says whether the Range field counts.
    Send {
        /// Whether the Range field counts.
        range: bool,
    },
    /// 304.
    NotModified,
    /// 412.
    Failed,
}

/// Evaluates the preconditions in the order of section 13.2.2 against a strong entity tag, quotes included, and the
/// time of the last change in whole seconds since 1970, where one is known.
pub fn judge(fields: &Fields<'_>, etag: &[u8], modified: Option<u64>) -> Verdict {
    if let Some(list) = &fields.if_match {
        if !matches(list, etag, Compare::Strong) {
            return Verdict::Failed;
        }
    } else if let (Some(since), Some(modified)) = (seconds(fields.if_unmodified_since), modified)
        && modified > since
    {
        return Verdict::Failed;
    }
    if let Some(list) = &fields.if_none_match {
        if matches(list, etag, Compare::Weak) {
            return Verdict::NotModified;
        }
    } else if let (Some(since), Some(modified)) = (seconds(fields.if_modified_since), modified)
        && modified <= since
    {
        return Verdict::NotModified;
    }
    Verdict::Send {
        range: fields.range.is_some() && fields.if_range.is_none_or(|field| same(field, etag, modified)),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Compare {
    Strong,
    Weak,
}

/// If-Range: a strong tag that is the same, or exactly the date that was sent (section 13.1.5).
fn same(field: &[u8], etag: &[u8], modified: Option<u64>) -> bool {
    let field = field.trim_ascii();
    if field.starts_with(b"\"") || field.starts_with(b"W/") {
        return field == etag;
    }
    seconds(Some(field)).is_some_and(|date| Some(date) == modified)
}

/// Whether a list of entity tags holds `etag`. Tags may contain commas, so the list is walked by quotes.
fn matches(list: &[u8], etag: &[u8], compare: Compare) -> bool {
    let mut rest = list.trim_ascii();
    if rest == b"*" {
        return true;
    }
    while !rest.is_empty() {
        let (weak, tag) = rest.strip_prefix(b"W/").map_or((false, rest), |tag| (true, tag));
        let Some(body) = tag.strip_prefix(b"\"") else { return false };
        let Some(end) = body.iter().position(|&byte| byte == b'"') else { return false };
        if &tag[..end + 2] == etag && !(weak && compare == Compare::Strong) {
            return true;
        }
        rest = body[end + 1..].trim_ascii_start();
        rest = rest.strip_prefix(b",").unwrap_or(rest).trim_ascii_start();
    }
    false
}

/// A date field in any of the three forms of section 5.6.7; others do not count.
fn seconds(field: Option<&[u8]>) -> Option<u64> {
    let text = std::str::from_utf8(field?.trim_ascii()).ok()?;
    let date = httpdate::parse_http_date(text).ok()?;
    date.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
}

/// A date as section 5.6.7 wants it.
pub fn date(seconds: u64) -> String {
    // The last second of the year 9999; what lies beyond has no HTTP date.
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.min(253_402_300_799)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ETAG: &[u8] = b"\"xyzzy\"";
    const CHANGED: u64 = 784_111_777; // Sun, 06 Nov 1994 08:49:37 GMT

    fn fields(lines: &[(&str, &'static str)]) -> Fields<'static> {
        let mut fields = Fields::default();
        for (name, value) in lines {
            fields.take(name.as_bytes(), value.as_bytes());
        }
        fields
    }

    fn verdict(lines: &[(&str, &'static str)]) -> Verdict {
        judge(&fields(lines), ETAG, Some(CHANGED))
    }

    const WHOLE: Verdict = Verdict::Send { range: false };
    const PART: Verdict = Verdict::Send { range: true };

    #[test]
    fn if_none_match_compares_weakly_and_knows_lists_and_the_star() {
        assert_eq!(verdict(&[("If-None-Match", "\"xyzzy\"")]), Verdict::NotModified);
        assert_eq!(verdict(&[("If-None-Match", "W/\"xyzzy\"")]), Verdict::NotModified);
        assert_eq!(verdict(&[("If-None-Match", "\"a,b\", \"xyzzy\", \"c\"")]), Verdict::NotModified);
        assert_eq!(verdict(&[("If-None-Match", "*")]), Verdict::NotModified);
        assert_eq!(verdict(&[("If-None-Match", "\"other\"")]), WHOLE);
        assert_eq!(verdict(&[("If-None-Match", "xyzzy")]), WHOLE);
        assert_eq!(
            verdict(&[("If-None-Match", "\"a\""), ("If-None-Match", "\"xyzzy\"")]),
            Verdict::NotModified
        );
    }

    #[test]
    fn if_modified_since_knows_the_three_forms_of_a_date_and_yields_to_if_none_match() {
        for same in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(verdict(&[("If-Modified-Since", same)]), Verdict::NotModified, "{same}");
        }
        assert_eq!(verdict(&[("If-Modified-Since", "Mon, 07 Nov 1994 08:49:37 GMT")]), Verdict::NotModified);
        assert_eq!(verdict(&[("If-Modified-Since", "Sun, 06 Nov 1994 08:49:36 GMT")]), WHOLE);
        assert_eq!(verdict(&[("If-Modified-Since", "yesterday")]), WHOLE);
        let both = [("If-None-Match", "\"other\""), ("If-Modified-Since", "Mon, 07 Nov 1994 08:49:37 GMT")];
        assert_eq!(verdict(&both), WHOLE);
    }

    #[test]
    fn if_match_compares_strongly_and_goes_before_if_unmodified_since() {
        assert_eq!(verdict(&[("If-Match", "\"xyzzy\"")]), WHOLE);
        assert_eq!(verdict(&[("If-Match", "*")]), WHOLE);
        assert_eq!(verdict(&[("If-Match", "W/\"xyzzy\"")]), Verdict::Failed);
        assert_eq!(verdict(&[("If-Match", "\"other\"")]), Verdict::Failed);
        assert_eq!(verdict(&[("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:36 GMT")]), Verdict::Failed);
        assert_eq!(verdict(&[("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")]), WHOLE);
        let both = [("If-Match", "\"xyzzy\""), ("If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:36 GMT")];
        assert_eq!(verdict(&both), WHOLE);
    }

    #[test]
    fn if_range_lets_the_range_count_only_for_the_same_representation() {
        let ask = |validator| verdict(&[("Range", "bytes=0-1"), ("If-Range", validator)]);
        assert_eq!(verdict(&[("Range", "bytes=0-1")]), PART);
        assert_eq!(ask("\"xyzzy\""), PART);
        assert_eq!(ask("W/\"xyzzy\""), WHOLE);
        assert_eq!(ask("\"other\""), WHOLE);
        assert_eq!(ask("Sun, 06 Nov 1994 08:49:37 GMT"), PART);
        assert_eq!(ask("Mon, 07 Nov 1994 08:49:37 GMT"), WHOLE);
        assert_eq!(ask("junk"), WHOLE);
    }

    #[test]
    fn without_a_known_time_dates_do_not_count() {
        let asked = fields(&[("If-Modified-Since", "Sun, 07 Nov 2094 08:49:37 GMT")]);
        assert_eq!(judge(&asked, ETAG, None), WHOLE);
    }
}
