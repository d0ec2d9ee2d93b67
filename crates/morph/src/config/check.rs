//! From the file as written to a configuration, or to everything that is wrong with it.
//!
//! Owns: what goes with what, and the cure where it does not. Must not: touch the disk.

use std::{collections::BTreeMap, str::FromStr, time::Duration};

use http::{HeaderName, HeaderValue};

use super::{
    Cache, Config, Finding, HeaderRule, Limits, Redirect, Rewrite, Shutdown, Site, Template,
    file::{self, File, Placed, Read},
    yaml,
};
use crate::http::head::FIELDS;

/// Fields that belong to the server: a rule that set them would break the framing or the caches.
const RESERVED: &[&str] = &[
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "date",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "accept-ranges",
    "etag",
    "last-modified",
];

/// Reads and checks a configuration file; every finding at once, in the order of the lines.
pub fn parse(text: &str) -> Result<Config, Vec<Finding>> {
    let tree = yaml::read(text).map_err(|finding| vec![finding])?;
    let mut check = Check::default();
    let config = File::read(&tree, &mut check.findings).map(|file| check.config(&file));
    check.findings.sort_by_key(|finding| (finding.line, finding.column));
    match config {
        Some(config) if check.findings.is_empty() => Ok(config),
        _ => Err(check.findings),
    }
}

#[derive(Default)]
pub(super) struct Check {
    findings: Vec<Finding>,
}

impl Check {
    pub(super) fn find<T>(&mut self, at: &Placed<T>, what: impl Into<String>, cure: impl Into<String>) {
        let (line, column) = (at.line, at.column);
        self.findings.push(Finding { line, column, what: what.into(), cure: cure.into() });
    }

    fn config(&mut self, file: &File) -> Config {
        let normal = Config::default();
        let listen = match &file.listen {
            Some(list) => list.iter().filter_map(|text| self.address(text)).collect(),
            None => normal.listen,
        };
        let admin = match &file.admin {
            Some(text) if text.value == "off" => None,
            Some(text) => self.address(text),
            None => normal.admin,
        };
        // One that could not be read has its own findings.
        if file.sites.value.is_empty() && self.findings.is_empty() {
            self.find(&file.sites, "there is no site", "add one with `hosts: [\"*\"]` and `root: /srv`");
        }
        Config {
            listen,
            admin,
            workers: file
                .workers
                .as_ref()
                .and_then(|number| self.between(number, 1, 256))
                .unwrap_or(normal.workers),
            access_log: file.access_log.unwrap_or_default(),
            proxies: file.proxies.iter().flatten().filter_map(|text| self.network(text)).collect(),
            acme: file.acme.as_ref().map(|text| self.directory(text)),
            limits: self.limits(file.limits.as_ref()),
            cache: self.cache(file.cache.as_ref()),
            shutdown: self.shutdown(file.shutdown.as_ref()),
            sites: self.sites(&file.sites.value),
        }
    }

    fn limits(&mut self, file: Option<&file::Limits>) -> Limits {
        let mut limits = Limits::default();
        let Some(file) = file else { return limits };
        if let Some(text) = &file.head {
            limits.head.head = self.bytes(text, 1 << 10, 1 << 20);
        }
        if let Some(text) = &file.target {
            limits.head.target = self.bytes(text, 64, 64 << 10);
        }
        if let Some(number) = &file.fields {
            limits.head.fields = self.between(number, 8, FIELDS as u64).unwrap_or(limits.head.fields);
        }
        if let Some(number) = &file.connections {
            limits.connections = self.between(number, 1, 1_000_000).unwrap_or(limits.connections);
        }
        if let Some(number) = &file.streams {
            limits.streams = self.between(number, 1, 1000).unwrap_or(limits.streams);
        }
        for (text, into) in [
            (&file.head_time, &mut limits.head_time),
            (&file.idle, &mut limits.idle),
            (&file.stall, &mut limits.stall),
        ] {
            if let Some(text) = text {
                *into = self.duration(text, Duration::from_secs(1));
            }
        }
        limits
    }

    fn cache(&mut self, file: Option<&file::Cache>) -> Cache {
        let mut cache = Cache::default();
        let Some(file) = file else { return cache };
        for (text, into, least, most) in [
            (&file.memory, &mut cache.memory, 1 << 20, 1 << 40),
            (&file.file, &mut cache.file, 0, 16 << 20),
            (&file.compress, &mut cache.compress, 0, 64 << 20),
        ] {
            if let Some(text) = text {
                *into = u64::try_from(self.bytes(text, least, most)).unwrap_or(u64::MAX);
            }
        }
        if let Some(number) = &file.open_files {
            cache.open_files = self.between(number, 1, 1_000_000).unwrap_or(cache.open_files);
        }
        if let Some(text) = &file.recheck {
            cache.recheck = self.duration(text, Duration::ZERO);
        }
        cache
    }

    fn shutdown(&mut self, file: Option<&file::Shutdown>) -> Shutdown {
        let mut shutdown = Shutdown::default();
        if let Some(text) = file.and_then(|file| file.wait.as_ref()) {
            shutdown.wait = self.duration(text, Duration::ZERO);
        }
        if let Some(text) = file.and_then(|file| file.grace.as_ref()) {
            shutdown.grace = self.duration(text, Duration::ZERO);
        }
        shutdown
    }

    fn sites(&mut self, files: &[file::Site]) -> Vec<Site> {
        let mut claimed: BTreeMap<String, u64> = BTreeMap::new();
        files.iter().map(|file| self.site(file, &mut claimed)).collect()
    }

    fn site(&mut self, file: &file::Site, claimed: &mut BTreeMap<String, u64>) -> Site {
        let normal = Site::default();
        if file.hosts.value.is_empty() {
            self.find(
                &file.hosts,
                "the site has no name",
                "name its hosts, or write `[\"*\"]` for what no other site claims",
            );
        }
        let hosts = file.hosts.value.iter().filter_map(|text| self.host(text, claimed)).collect();
        Site {
            hosts,
            root: self.directory(&file.root),
            index: file
                .index
                .as_ref()
                .map_or(normal.index, |names| names.iter().filter_map(|name| self.name(name)).collect()),
            clean: file.clean.unwrap_or_default(),
            fallback: file.fallback.as_ref().map(|text| self.inside(text)),
            not_found: file.not_found.as_ref().map(|text| self.inside(text)),
            dotfiles: file.dotfiles.unwrap_or_default(),
            headers: file.headers.iter().flatten().filter_map(|rule| self.headers(rule)).collect(),
            redirects: file.redirects.iter().flatten().filter_map(|rule| self.redirect(rule)).collect(),
            rewrites: file.rewrites.iter().flatten().filter_map(|rule| self.rewrite(rule)).collect(),
        }
    }

    fn headers(&mut self, rule: &file::HeaderRule) -> Option<HeaderRule> {
        let path = self.pattern(&rule.path);
        let mut set = Vec::new();
        for (name, value) in &rule.set.0 {
            let Ok(header) = HeaderName::from_str(name) else {
                self.find(value, format!("`{name}` is no field name"), "use letters, digits and dashes");
                continue;
            };
            if RESERVED.contains(&header.as_str()) {
                self.find(
                    value,
                    format!("`{name}` belongs to the server"),
                    "leave it out; the server sends it as the file demands",
                );
                continue;
            }
            match HeaderValue::from_str(value.value.trim()) {
                Ok(value) => set.push((header, value)),
                Err(_) => self.find(
                    value,
                    format!("the value of `{name}` holds a control or foreign character"),
                    "write it on one line in ASCII",
                ),
            }
        }
        Some(HeaderRule { path: path?, set })
    }

    fn redirect(&mut self, rule: &file::Redirect) -> Option<Redirect> {
        let from = self.pattern(&rule.from);
        let status = rule.status.as_ref().map_or(308, |status| u16::try_from(status.value).unwrap_or(0));
        if let Some(at) = &rule.status
            && !matches!(status, 301 | 302 | 303 | 307 | 308 | 410)
        {
            self.find(
                at,
                format!("{} is no redirect", at.value),
                "use 308 (for good), 307 (for now), 301, 302 or 303; or 410 without `to` for what is gone",
            );
        }
        let Some(to) = &rule.to else {
            if status != 410 {
                self.find(
                    &rule.from,
                    "the redirect has no `to`",
                    "add `to: /where`, or `status: 410` if the page is gone",
                );
            }
            return Some(Redirect { from: from?, to: Template::read("", 0).ok()?, status });
        };
        let absolute = to.value.starts_with("https://") || to.value.starts_with("http://");
        if !absolute && (!to.value.starts_with('/') || to.value.starts_with("//")) {
            self.find(
                to,
                "the target is neither a path nor an address",
                "begin it with one slash, or with `https://`",
            );
        }
        let host = to
            .value
            .split_once("://")
            .map_or("", |(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or(""));
        if absolute && host.contains('$') {
            self.find(
                to,
                "whoever makes a link chooses the host that it leads to",
                "write the host out; `$1` may stand after it",
            );
        }
        if HeaderValue::from_str(&to.value).is_err() {
            self.find(
                to,
                "the target holds a control or foreign character",
                "escape it as in an address bar: `%20` for a space",
            );
        }
        let from = from?;
        let to_itself = from.stars() == 0 && from.matches(to.value.as_bytes());
        if to_itself {
            self.find(to, "the redirect leads to itself", "change `from` or `to`");
        }
        let template = self.template(to, from.stars())?;
        Some(Redirect { from, to: template, status })
    }

    fn rewrite(&mut self, rule: &file::Rewrite) -> Option<Rewrite> {
        let from = self.pattern(&rule.from);
        if !rule.to.value.starts_with('/') || rule.to.value.split('/').any(|segment| segment == "..") {
            self.find(
                &rule.to,
                "the target is no path within the site",
                "begin it with a slash and leave out `..`",
            );
        }
        let from = from?;
        let to = self.template(&rule.to, from.stars())?;
        Some(Rewrite { from, to })
    }
}

#[cfg(test)]
mod tests;
