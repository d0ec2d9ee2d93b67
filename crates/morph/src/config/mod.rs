//! The configuration: what a checked file comes to.
//!
//! Owns: the settings and their defaults. Must not: open what they name.

mod check;
mod file;
mod pattern;
mod values;
mod yaml;

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;

pub use self::{
    check::parse,
    pattern::{Pattern, Template},
};
use crate::http::head::HeadLimits;

/// An address to listen on; `:8080` is every address of IPv4.
pub fn address(text: &str) -> Result<SocketAddr, std::net::AddrParseError> {
    match text.strip_prefix(':') {
        Some(port) => format!("0.0.0.0:{port}").parse(),
        None => text.parse(),
    }
}

/// Everything the server is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the sites are served.
    pub listen: Vec<SocketAddr>,
    /// Where health and metrics are; nowhere if `None`.
    pub admin: Option<SocketAddr>,
    /// Threads that serve; one a core by default.
    pub workers: usize,
    /// Whether each request is written to standard output.
    pub access_log: bool,
    /// Peers whose X-Forwarded-For is believed.
    pub proxies: Vec<IpNet>,
    /// A directory for ACME challenges of every host, looked into before the sites.
    pub acme: Option<PathBuf>,
    /// Limits.
    pub limits: Limits,
    /// Caches.
    pub cache: Cache,
    /// The end.
    pub shutdown: Shutdown,
    /// The sites, at least one.
    pub sites: Vec<Site>,
}

/// What clients may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Of request heads.
    pub head: HeadLimits,
    /// Connections at once, all workers together.
    pub connections: usize,
    /// From the first byte of a head to its last.
    pub head_time: Duration,
    /// Between requests. Longer than the proxy's in front, so that it is the proxy that closes.
    pub idle: Duration,
    /// In which a client must take at least four kilobytes of an answer, or all of it.
    pub stall: Duration,
    /// Streams at once in one HTTP/2 connection.
    pub streams: u32,
}

/// What is kept.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Bytes for contents, all together.
    pub memory: u64,
    /// A file up to this size is held in memory; a larger one is kept open.
    pub file: u64,
    /// Files kept open.
    pub open_files: u64,
    /// How long a file's state is believed before it is looked at again.
    pub recheck: Duration,
    /// Compress what has no precompressed sibling, up to this size; zero turns it off.
    pub compress: u64,
}

/// How the server ends after SIGTERM.
#[derive(Clone, Copy, Debug)]
pub struct Shutdown {
    /// Time for those who route requests to hear of it; served as before, but connections are asked to close.
    pub wait: Duration,
    /// Time for requests under way, after that.
    pub grace: Duration,
}

/// One site.
#[derive(Clone, Debug)]
pub struct Site {
    /// Names: `example.org`, `*.example.org`, or `*` for what no other site claims.
    pub hosts: Vec<String>,
    /// The tree, or a link to it that is switched.
    pub root: PathBuf,
    /// Names tried in a directory.
    pub index: Vec<String>,
    /// `/about` for `about.html`, and `/about.html` redirects there.
    pub clean: bool,
    /// Served with 200 instead of what is not there: a single-page application.
    pub fallback: Option<String>,
    /// Served with 404 instead of what is not there.
    pub not_found: Option<String>,
    /// Whether names that begin with a dot are served.
    pub dotfiles: bool,
    /// Fields by path; all that match apply, in order.
    pub headers: Vec<HeaderRule>,
    /// Redirects; the first that matches applies.
    pub redirects: Vec<Redirect>,
    /// Rewrites; the first that matches applies, once.
    pub rewrites: Vec<Rewrite>,
}

/// Fields for matching paths.
#[derive(Clone, Debug)]
pub struct HeaderRule {
    /// Which files, by their path in the tree.
    pub path: Pattern,
    /// Set; replaces what the server would send.
    pub set: Vec<(HeaderName, HeaderValue)>,
}

/// A redirect.
#[derive(Clone, Debug)]
pub struct Redirect {
    /// Which paths.
    pub from: Pattern,
    /// Where to.
    pub to: Template,
    /// 301, 302, 303, 307 or 308; 410 needs no target.
    pub status: u16,
}

/// A rewrite within the site.
#[derive(Clone, Debug)]
pub struct Rewrite {
    /// Which paths.
    pub from: Pattern,
    /// Where to.
    pub to: Template,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: vec![SocketAddr::from(([0, 0, 0, 0], 8080))],
            admin: Some(SocketAddr::from(([0, 0, 0, 0], 9090))),
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            access_log: false,
            proxies: Vec::new(),
            acme: None,
            limits: Limits::default(),
            cache: Cache::default(),
            shutdown: Shutdown::default(),
            sites: Vec::new(),
        }
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head: HeadLimits { head: 16 << 10, target: 8 << 10, fields: 100 },
            connections: 16_384,
            head_time: Duration::from_secs(10),
            // Traefik closes after 90 seconds.
            idle: Duration::from_mins(2),
            stall: Duration::from_secs(30),
            streams: 128,
        }
    }
}

impl Default for Cache {
    fn default() -> Cache {
        Cache {
            memory: 32 << 20,
            file: 128 << 10,
            open_files: 512,
            recheck: Duration::from_millis(20),
            compress: 1 << 20,
        }
    }
}

impl Default for Shutdown {
    fn default() -> Shutdown {
        Shutdown { wait: Duration::from_secs(5), grace: Duration::from_secs(20) }
    }
}

impl Default for Site {
    fn default() -> Site {
        Site {
            hosts: vec!["*".to_owned()],
            root: PathBuf::from("/srv"),
            index: vec!["index.html".to_owned()],
            clean: false,
            fallback: None,
            not_found: None,
            dotfiles: false,
            headers: Vec::new(),
            redirects: Vec::new(),
            rewrites: Vec::new(),
        }
    }
}

/// Something wrong in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Line, counted from one; zero when it is the whole file.
    pub line: u64,
    /// Column, counted from one.
    pub column: u64,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub cure: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}\n    cure: {}", self.line, self.column, self.what, self.cure)
    }
}
