//! The request fields that a static server reads, taken out of any representation of a head in one pass.
//!
//! Owns: which fields count and how repeated ones join (RFC 9110 section 5.3). Must not: interpret them.

use std::borrow::Cow;

/// The fields of one request that matter here.
#[derive(Debug, Default)]
pub struct Fields<'a> {
    /// Host, and how often it was sent.
    pub host: Option<&'a [u8]>,
    /// How many Host fields came.
    pub hosts: u8,
    /// Connection, joined.
    pub connection: Option<Cow<'a, [u8]>>,
    /// Content-Length; different values make the request invalid.
    pub content_length: Option<&'a [u8]>,
    /// Whether several Content-Length fields disagreed.
    pub lengths_differ: bool,
    /// Transfer-Encoding, joined.
    pub transfer_encoding: Option<Cow<'a, [u8]>>,
    /// Accept-Encoding, joined.
    pub accept_encoding: Option<Cow<'a, [u8]>>,
    /// If-Match, joined.
    pub if_match: Option<Cow<'a, [u8]>>,
    /// If-None-Match, joined.
    pub if_none_match: Option<Cow<'a, [u8]>>,
    /// If-Modified-Since.
    pub if_modified_since: Option<&'a [u8]>,
    /// If-Unmodified-Since.
    pub if_unmodified_since: Option<&'a [u8]>,
    /// If-Range.
    pub if_range: Option<&'a [u8]>,
    /// Range.
    pub range: Option<&'a [u8]>,
    /// X-Forwarded-For, joined; believed only from declared proxies.
    pub forwarded_for: Option<Cow<'a, [u8]>>,
    /// User-Agent, for the access log.
    pub user_agent: Option<&'a [u8]>,
    /// Referer, for the access log.
    pub referer: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    /// Takes one field if it matters.
    pub fn take(&mut self, name: &[u8], value: &'a [u8]) {
        match name.len() {
            4 if is(name, b"host") => {
                self.host = Some(value);
                self.hosts = self.hosts.saturating_add(1);
            }
            5 if is(name, b"range") => self.range = Some(value),
            7 if is(name, b"referer") => self.referer = Some(value),
            8 if is(name, b"if-match") => join(&mut self.if_match, value),
            8 if is(name, b"if-range") => self.if_range = Some(value),
            10 if is(name, b"connection") => join(&mut self.connection, value),
            10 if is(name, b"user-agent") => self.user_agent = Some(value),
            13 if is(name, b"if-none-match") => join(&mut self.if_none_match, value),
            14 if is(name, b"content-length") => {
                self.lengths_differ |= self.content_length.is_some_and(|earlier| earlier != value);
                self.content_length = Some(value);
            }
            15 if is(name, b"accept-encoding") => join(&mut self.accept_encoding, value),
            15 if is(name, b"x-forwarded-for") => join(&mut self.forwarded_for, value),
            17 if is(name, b"if-modified-since") => self.if_modified_since = Some(value),
            17 if is(name, b"transfer-encoding") => join(&mut self.transfer_encoding, value),
            19 if is(name, b"if-unmodified-since") => self.if_unmodified_since = Some(value),
            _ => {}
        }
    }

    /// Whether the Connection field lists `token`.
    pub fn connection_says(&self, token: &[u8]) -> bool {
        let Some(list) = &self.connection else { return false };
        list.split(|&byte| byte == b',').any(|entry| entry.trim_ascii().eq_ignore_ascii_case(token))
    }
}

fn is(name: &[u8], known: &[u8]) -> bool {
    name.eq_ignore_ascii_case(known)
}

fn join<'a>(field: &mut Option<Cow<'a, [u8]>>, value: &'a [u8]) {
    match field {
        None => *field = Some(Cow::Borrowed(value)),
        Some(earlier) => {
            let earlier = earlier.to_mut();
            earlier.extend_from_slice(b", ");
            earlier.extend_from_slice(value);
        }
    }
}
