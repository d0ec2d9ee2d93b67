//! Sites: from a request to its answer.
//!
//! Owns: the order of things — method, challenge, host, redirect, rewrite, file, form. Must not: use sockets; whoever
//! calls sends what comes out.

mod acme;
mod hosts;
mod lookup;
mod represent;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderName, HeaderValue, header};

use self::hosts::Hosts;
pub use self::lookup::Job;
use crate::{
    config::{Config, Redirect, Rewrite},
    http::{
        fields::Fields,
        head::Method,
        reply::Reply,
        target::{self, Target, escape},
    },
    page::{load::Wait, locate::Naming, store::Store},
    tree::Root,
};

/// Everything that is served.
#[derive(Debug)]
pub struct Sites {
    all: Vec<Site>,
    hosts: Hosts,
    acme: Option<Root>,
    store: Store,
    begun: Instant,
    settings: Settings,
}

#[derive(Debug)]
struct Settings {
    in_memory: u64,
    compress: u64,
    recheck: Duration,
}

/// One site, ready.
#[derive(Debug)]
struct Site {
    root: Root,
    naming: Naming,
    fallback: Option<Box<[u8]>>,
    not_found: Option<Box<[u8]>>,
    dotfiles: bool,
    headers: Vec<(crate::config::Pattern, Vec<(HeaderName, HeaderValue)>)>,
    redirects: Vec<Redirect>,
    rewrites: Vec<Rewrite>,
}

/// A request, as far as its answer depends on it.
#[derive(Debug)]
pub struct Ask<'a> {
    /// The method.
    pub method: Method,
    /// The target as it came.
    pub target: &'a [u8],
    /// The fields.
    pub fields: &'a Fields<'a>,
    /// When it came.
    pub now: Instant,
    /// Whether the answer may wait for a disk or a compressor.
    pub wait: Wait,
}

/// What comes out.
pub enum Outcome {
    /// The answer.
    Ready(Reply),
    /// Something takes long: run this elsewhere, then ask again with [`Wait::Allowed`].
    Later(Job),
}

/// Whoever answers requests: the sites, or the second port.
pub trait Answers: Send + Sync {
    /// Answers one.
    fn answer(&self, ask: &Ask<'_>) -> Outcome;
}

impl Answers for Arc<Sites> {
    fn answer(&self, ask: &Ask<'_>) -> Outcome {
        Sites::answer(self, ask)
    }
}

const ALLOW: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

impl Sites {
    /// The sites of a configuration. Roots that lead nowhere are allowed: they may come later.
    pub fn new(config: &Config) -> Sites {
        Sites {
            all: config.sites.iter().map(site).collect(),
            hosts: Hosts::new(config.sites.iter().map(|site| site.hosts.as_slice())),
            acme: config.acme.as_deref().map(Root::new),
            store: Store::new(&config.cache),
            begun: Instant::now(),
            settings: Settings {
                in_memory: config.cache.file,
                compress: config.cache.compress,
                recheck: config.cache.recheck,
            },
        }
    }

    /// The same, but every link and file is looked at again for every request.
    #[must_use]
    pub fn never_believing(mut self) -> Sites {
        self.settings.recheck = Duration::ZERO;
        self.all =
            self.all.into_iter().map(|site| Site { root: site.root.never_believed(), ..site }).collect();
        self
    }

    /// Roots that lead nowhere now.
    pub fn absent(&self) -> Vec<String> {
        let now = Instant::now();
        let absent = self.all.iter().filter(|site| site.root.tree(now).is_none());
        absent.map(|site| site.root.path().display().to_string()).collect()
    }

    /// Bytes in the caches: files, and what was made of them.
    pub fn weights(&self) -> (u64, u64) {
        self.store.weights()
    }

    /// Answers a request.
    pub fn answer(self: &Arc<Self>, ask: &Ask<'_>) -> Outcome {
        match self.any_method(ask) {
            Outcome::Ready(reply) if ask.method == Method::Head => Outcome::Ready(reply.without_content()),
            other => other,
        }
    }

    fn any_method(self: &Arc<Self>, ask: &Ask<'_>) -> Outcome {
        let Ok(target) = target::read(ask.target) else { return ready(Reply::status_words(400)) };
        let Ok(host) = hosts::name(target.authority.or(ask.fields.host)) else {
            return ready(Reply::status_words(400));
        };
        match ask.method {
            Method::Get | Method::Head => {}
            Method::Options => return ready(Reply::empty(204).with(header::ALLOW, ALLOW)),
            Method::Other => return ready(Reply::status_words(405).with(header::ALLOW, ALLOW)),
            Method::Unknown => return ready(Reply::status_words(501)),
        }
        if &*target.path == b"*" {
            return ready(Reply::status_words(400));
        }
        let site = self.hosts.site(&host);
        if let Some(token) = target.path.strip_prefix(acme::PREFIX) {
            return ready(self.challenge(token, site, ask.now));
        }
        let Some(index) = site else { return ready(Reply::status_words(421)) };
        let outcome = self.all[index].moved(&target).map_or_else(|| self.serve(index, &target, ask), ready);
        match outcome {
            Outcome::Ready(reply) => Outcome::Ready(Reply { site, ..reply }),
            later @ Outcome::Later(_) => later,
        }
    }

    /// The file at the target, after rewriting.
    fn serve(self: &Arc<Self>, index: usize, target: &Target<'_>, ask: &Ask<'_>) -> Outcome {
        let site = &self.all[index];
        let rewritten = site.rewritten(&target.path);
        let path = rewritten.as_deref().unwrap_or(&target.path);
        if !site.dotfiles && target::is_hidden(path) {
            return self.missing(index, ask);
        }
        self.path(index, path, target.query, ask)
    }
}

fn ready(reply: Reply) -> Outcome {
    Outcome::Ready(reply)
}

fn site(config: &crate::config::Site) -> Site {
    let bytes = |text: &Option<String>| text.as_ref().map(|text| text.as_bytes().into());
    Site {
        root: Root::new(&config.root),
        naming: Naming { index: config.index.clone(), clean: config.clean },
        fallback: bytes(&config.fallback),
        not_found: bytes(&config.not_found),
        dotfiles: config.dotfiles,
        headers: config.headers.iter().map(|rule| (rule.path.clone(), rule.set.clone())).collect(),
        redirects: config.redirects.clone(),
        rewrites: config.rewrites.clone(),
    }
}

impl Site {
    /// The redirect for a target, if one is configured.
    fn moved(&self, target: &Target<'_>) -> Option<Reply> {
        let (rule, held) =
            self.redirects.iter().find_map(|rule| Some((rule, rule.from.held(&target.path)?)))?;
        if rule.status == 410 {
            return Some(Reply::words(410, "410 gone\n"));
        }
        let filled = rule.to.fill(&held, |bytes| escape(bytes).into_bytes());
        Some(elsewhere(rule.status, &filled, target.query))
    }

    fn rewritten(&self, path: &[u8]) -> Option<Vec<u8>> {
        let (rule, held) = self.rewrites.iter().find_map(|rule| Some((rule, rule.from.held(path)?)))?;
        Some(rule.to.fill(&held, <[u8]>::to_vec))
    }

    /// The fields for a file, by its path in the tree; later rules replace earlier ones.
    fn fields(&self, path: &[u8]) -> Vec<(HeaderName, HeaderValue)> {
        let mut fields: Vec<(HeaderName, HeaderValue)> = Vec::new();
        for (_, set) in self.headers.iter().filter(|(pattern, _)| pattern.matches(path)) {
            for (name, value) in set {
                fields.retain(|(earlier, _)| earlier != name);
                fields.push((name.clone(), value.clone()));
            }
        }
        fields
    }
}

/// A redirect that keeps the query unless the target has its own.
fn elsewhere(status: u16, target: &[u8], query: Option<&[u8]>) -> Reply {
    // However a rule is filled, it must not come to lead to another host: `//host` would.
    let inside = target.starts_with(b"/");
    let slashes = target.iter().take_while(|&&byte| byte == b'/').count();
    let mut location = if inside { target[slashes - 1..].to_vec() } else { target.to_vec() };
    if let Some(query) = query
        && !location.contains(&b'?')
    {
        location.push(b'?');
        location.extend_from_slice(query);
    }
    match HeaderValue::from_bytes(&location) {
        Ok(location) => Reply::text(status, "text/plain; charset=utf-8", bytes::Bytes::new())
            .with(header::LOCATION, location),
        Err(_) => Reply::status_words(400),
    }
}
