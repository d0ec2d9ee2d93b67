//! Single values: what each may be, and the cure where it is not.
//!
//! Owns: hosts, paths, addresses, numbers, sizes, times. Must not: know which key a value stands at.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;

use super::{
    Pattern, Template,
    check::Check,
    file::{Placed, Text},
};

impl Check {
    pub(super) fn pattern(&mut self, text: &Text) -> Option<Pattern> {
        Pattern::read(&text.value).map_err(|(what, cure)| self.find(text, what, cure)).ok()
    }

    pub(super) fn template(&mut self, text: &Text, stars: usize) -> Option<Template> {
        Template::read(&text.value, stars).map_err(|(what, cure)| self.find(text, what, cure)).ok()
    }

    pub(super) fn host(&mut self, text: &Text, claimed: &mut BTreeMap<String, u64>) -> Option<String> {
        let host = text.value.to_ascii_lowercase();
        let name = host.strip_prefix("*.").unwrap_or(&host);
        let fine = name.split('.').all(|label| {
            !label.is_empty()
                && label.bytes().all(|byte| {
                    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'[' | b']')
                })
        });
        if host != "*" && !fine {
            self.find(
                text,
                format!("`{host}` is no host name"),
                "write `example.org`, `*.example.org`, or `*` for all others; without port",
            );
            return None;
        }
        if let Some(line) = claimed.insert(host.clone(), text.line) {
            self.find(
                text,
                format!("`{host}` is claimed by the site in line {line} already"),
                "let one site have each name",
            );
        }
        Some(host)
    }

    pub(super) fn name(&mut self, text: &Text) -> Option<String> {
        let fine = !text.value.is_empty() && !text.value.contains(['/', '\0']) && text.value != "..";
        if !fine {
            self.find(text, "an index is the name of a file, not a path", "write for example `index.html`");
        }
        fine.then(|| text.value.clone())
    }

    pub(super) fn inside(&mut self, text: &Text) -> String {
        let dots = text.value.split('/').any(|segment| matches!(segment, "." | ".."));
        if !text.value.starts_with('/')
            || text.value.ends_with('/')
            || dots
            || text.value.contains(['\0', '*'])
        {
            self.find(
                text,
                "not a file within the site",
                "write its path from the site's root, like `/404.html`",
            );
        }
        text.value.clone()
    }

    pub(super) fn directory(&mut self, text: &Text) -> PathBuf {
        if !text.value.starts_with('/') || text.value.contains('\0') {
            self.find(text, "the directory is not given from the root", "begin it with a slash, for what a relative path means depends on where the server is started");
        }
        PathBuf::from(&text.value)
    }

    pub(super) fn address(&mut self, text: &Text) -> Option<SocketAddr> {
        let address = super::address(&text.value).ok();
        if address.is_none() {
            self.find(
                text,
                format!("`{}` is no address to listen on", text.value),
                "write `0.0.0.0:8080`, `[::]:8080` or `:8080`",
            );
        }
        address
    }

    pub(super) fn network(&mut self, text: &Text) -> Option<IpNet> {
        let network = text
            .value
            .parse::<IpNet>()
            .ok()
            .or_else(|| text.value.parse::<std::net::IpAddr>().ok().map(IpNet::from));
        if network.is_none() {
            self.find(
                text,
                format!("`{}` is no network", text.value),
                "write the pods' network of the proxies, like `10.42.0.0/16`",
            );
        }
        network
    }

    /// The number in the type it is wanted in; the bounds fit into it.
    pub(super) fn between<T: TryFrom<u64>>(
        &mut self,
        number: &Placed<u64>,
        least: u64,
        most: u64,
    ) -> Option<T> {
        if number.value < least || number.value > most {
            let what = format!("{} is out of bounds", number.value);
            self.find(number, what, format!("choose from {least} to {most}"));
        }
        T::try_from(number.value).ok()
    }

    pub(super) fn bytes(&mut self, text: &Text, least: u64, most: u64) -> usize {
        let digits = text.value.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let unit = match &text.value[digits.len()..] {
            "" | "B" => Some(1),
            "KiB" | "K" => Some(1 << 10),
            "MiB" | "M" => Some(1 << 20),
            "GiB" | "G" => Some(1 << 30),
            _ => None,
        };
        let bytes = unit.and_then(|unit: u64| digits.trim().parse::<u64>().ok()?.checked_mul(unit));
        let fits = bytes.is_some_and(|bytes| (least..=most).contains(&bytes));
        if !fits {
            self.find(
                text,
                format!("`{}` is no size that can be used here", text.value),
                format!("write a number and `KiB` or `MiB`, from {least} to {most} bytes"),
            );
        }
        usize::try_from(bytes.unwrap_or(least)).unwrap_or(usize::MAX)
    }

    pub(super) fn duration(&mut self, text: &Text, least: Duration) -> Duration {
        let digits = text.value.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        let number = digits.trim().parse::<u32>().ok();
        let duration = match (&text.value[digits.len()..], number) {
            ("ms", Some(number)) => Some(Duration::from_millis(number.into())),
            ("s", Some(number)) => Some(Duration::from_secs(number.into())),
            ("m", Some(number)) => Some(Duration::from_secs(u64::from(number) * 60)),
            _ => None,
        };
        let fits = duration.is_some_and(|duration| duration >= least && duration <= Duration::from_hours(24));
        if !fits {
            self.find(
                text,
                format!("`{}` is no time that can be used here", text.value),
                format!("write a number and `ms`, `s` or `m`, from {least:?} to a day"),
            );
        }
        duration.unwrap_or(least)
    }
}
