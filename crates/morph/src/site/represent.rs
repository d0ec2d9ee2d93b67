//! From a page to an answer: which form, on which condition, which part.
//!
//! Owns: applying negotiation, conditions and ranges. Must not: look for files.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};

use super::{Ask, Outcome, Sites, ready};
use crate::{
    http::{
        accept::{Coding, Ranking},
        condition::{self, Verdict},
        head::Method,
        range::{self, Ranges},
        reply::{Body, Piece, Reply},
    },
    page::{
        Page, Variant,
        compress::{MADE, compress},
        load::{self, Wait},
    },
};

impl Sites {
    /// The answer with a page. Conditions and ranges count only for 200.
    pub(super) fn represent(self: &Arc<Self>, page: &Arc<Page>, status: u16, ask: &Ask<'_>) -> Outcome {
        let ranking = Ranking::read(ask.fields.accept_encoding.as_deref());
        let there = |coding| {
            coding == Coding::Identity
                || page.sibling(coding).is_some()
                || page.compressible && MADE.contains(&coding)
        };
        let coding = match ranking.best(there) {
            Some(coding) => coding,
            // What a client does not take is no reason to hide from it that a page is missing.
            None if status != 200 => Coding::Identity,
            None => {
                let vary = HeaderValue::from_static("accept-encoding");
                return ready(Reply::status_words(406).with(header::VARY, vary));
            }
        };
        let variant = match (coding, page.sibling(coding)) {
            (Coding::Identity, _) => page.plain.clone(),
            (_, Some(sibling)) => sibling.clone(),
            (coding, None) => match self.store.made(page.id, coding) {
                Some(made) => made.unwrap_or_else(|| page.plain.clone()),
                None if ask.wait == Wait::Allowed => self.make_form(page, coding),
                None => {
                    let (sites, page) = (self.clone(), page.clone());
                    return Outcome::Later(Box::new(move || _ = sites.make_form(&page, coding)));
                }
            },
        };
        ready(if status == 200 { conditional(&variant, ask) } else { whole(&variant, status) })
    }

    /// Compresses a page and keeps the form, or that it does not pay.
    fn make_form(&self, page: &Arc<Page>, coding: Coding) -> Arc<Variant> {
        let content = load::content(&page.plain).ok().and_then(|content| compress(coding, &content));
        let made = content.map(|content| Arc::new(load::made(page, coding, content)));
        self.store.keep_made(page.id, coding, made.clone());
        made.unwrap_or_else(|| page.plain.clone())
    }
}

fn conditional(variant: &Variant, ask: &Ask<'_>) -> Reply {
    match condition::judge(ask.fields, &variant.etag, variant.modified) {
        Verdict::Failed => Reply::status_words(412),
        Verdict::NotModified => Reply { shared: Some(variant.unchanged.clone()), ..Reply::empty(304) },
        Verdict::Send { range: false } => whole(variant, 200),
        // Ranges are defined for GET alone, and ignored with HEAD (section 14.2).
        Verdict::Send { range: true } if ask.method != Method::Get => whole(variant, 200),
        Verdict::Send { range: true } => {
            match range::read(ask.fields.range.unwrap_or_default(), variant.length) {
                Ranges::Ignored => whole(variant, 200),
                Ranges::Unsatisfiable => unsatisfiable(variant),
                Ranges::One(range) => one(variant, &range),
                Ranges::Many(ranges) => many(variant, &ranges),
            }
        }
    }
}

fn whole(variant: &Variant, status: u16) -> Reply {
    Reply {
        shared: Some(variant.whole.clone()),
        length: Some(variant.length),
        body: Body::One(variant.content.clone()),
        ..Reply::empty(status)
    }
}

fn one(variant: &Variant, range: &Range<u64>) -> Reply {
    let reply = Reply {
        shared: Some(variant.whole.clone()),
        length: Some(range.end - range.start),
        body: Body::One(variant.content.slice(range.clone())),
        ..Reply::empty(206)
    };
    with_text(reply, header::CONTENT_RANGE, &content_range(range, variant.length))
}

fn unsatisfiable(variant: &Variant) -> Reply {
    let words = Reply::words(416, "416 no such part\n");
    with_text(words, header::CONTENT_RANGE, &format!("bytes */{}", variant.length))
}

/// Several parts: multipart/byteranges, RFC 9110 section 14.6.
fn many(variant: &Variant, ranges: &[Range<u64>]) -> Reply {
    // The tag is a digest or a state: nothing that the content itself would say.
    let boundary =
        format!("part-{}", String::from_utf8_lossy(&variant.etag).trim_matches('"').replace('.', "-"));
    let mut pieces = Vec::with_capacity(ranges.len() * 2 + 1);
    for range in ranges {
        let part = content_range(range, variant.length);
        let head =
            format!("\r\n--{boundary}\r\ncontent-type: {}\r\ncontent-range: {part}\r\n\r\n", variant.media);
        pieces.push(Piece::Memory(Bytes::from(head)));
        pieces.push(variant.content.slice(range.clone()));
    }
    pieces.push(Piece::Memory(Bytes::from(format!("\r\n--{boundary}--\r\n"))));
    let own = variant.whole.map.iter().filter(|(name, _)| **name != header::CONTENT_TYPE);
    let reply = Reply {
        own: own.map(|(name, value)| (name.clone(), value.clone())).collect(),
        length: Some(pieces.iter().map(Piece::len).sum()),
        body: Body::Many(pieces),
        ..Reply::empty(206)
    };
    with_text(reply, header::CONTENT_TYPE, &format!("multipart/byteranges; boundary={boundary}"))
}

fn content_range(range: &Range<u64>, length: u64) -> String {
    format!("bytes {}-{}/{length}", range.start, range.end - 1)
}

/// With a field whose text is made here of visible characters.
fn with_text(reply: Reply, name: HeaderName, text: &str) -> Reply {
    match HeaderValue::from_str(text) {
        Ok(value) => reply.with(name, value),
        Err(_) => reply,
    }
}
