//! The second port: health, readiness, metrics.
//!
//! Owns: its three answers. Must not: be reachable from where the sites are; it says things that are nobody's affair.

use std::sync::Arc;

use bytes::Bytes;
use http::header;

use crate::{
    conn::context::{Life, Phase},
    http::{head::Method, reply::Reply, target},
    metrics::{self, Counts},
    site::{Answers, Ask, Outcome, Sites},
};

/// Who answers there.
pub(super) struct Admin {
    pub(super) sites: Arc<Sites>,
    pub(super) counts: Vec<Arc<Counts>>,
    pub(super) names: Vec<String>,
    pub(super) life: Arc<Life>,
}

impl Answers for Admin {
    fn answer(&self, ask: &Ask<'_>) -> Outcome {
        let path = target::read(ask.target).map(|target| target.path.into_owned()).unwrap_or_default();
        let reply = match (ask.method, path.as_slice()) {
            (Method::Get | Method::Head, b"/healthz") => Reply::words(200, "alive\n"),
            (Method::Get | Method::Head, b"/readyz") => self.ready(),
            (Method::Get | Method::Head, b"/metrics") => self.metrics(),
            (Method::Get | Method::Head, _) => Reply::status_words(404),
            _ => Reply::status_words(405).with(header::ALLOW, http::HeaderValue::from_static("GET, HEAD")),
        };
        Outcome::Ready(if ask.method == Method::Head { reply.without_content() } else { reply })
    }
}

impl Admin {
    /// Not while ending, and not while a site has no tree: then another replica serves it better.
    fn ready(&self) -> Reply {
        if self.life.phase() != Phase::Serving {
            return Reply::words(503, "ending\n");
        }
        let absent = self.sites.absent();
        if absent.is_empty() {
            return Reply::words(200, "ready\n");
        }
        let words = format!("no tree at {}\n", absent.join(", "));
        Reply::text(503, "text/plain; charset=utf-8", Bytes::from(words))
    }

    fn metrics(&self) -> Reply {
        let counts: Vec<&Counts> = self.counts.iter().map(AsRef::as_ref).collect();
        let text = metrics::tell(&counts, &self.names, self.sites.weights());
        Reply::text(200, "text/plain; version=0.0.4; charset=utf-8", Bytes::from(text))
    }
}
