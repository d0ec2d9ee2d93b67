//! What a host sent while it was observed, sorted but not yet read.

use std::collections::BTreeMap;

use model::{facts::HostFacts, op::Survey, secret::Secret};

use super::{facts, step::hex};

/// Evidence by its kind. Texts may hold secrets: they are wiped when dropped and not shown.
#[derive(Default)]
pub(super) struct Evidence {
    /// Single values: `init`, `packages`, `df`, …
    pub(super) words: BTreeMap<String, Vec<u8>>,
    /// Values that come several times, in order: `f`, `h`, `u`, `module`, `sysctl`, `service`.
    pub(super) lists: BTreeMap<String, Vec<Vec<u8>>>,
    /// Files, in the order they were sent; each line ends with a newline.
    texts: Vec<(String, Vec<u8>)>,
    strange: Option<String>,
}

impl std::fmt::Debug for Evidence {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Evidence(…)")
    }
}

impl Drop for Evidence {
    fn drop(&mut self) {
        for (_, text) in &mut self.texts {
            drop(Secret::new(std::mem::take(text)));
        }
        for text in self.words.values_mut() {
            drop(Secret::new(std::mem::take(text)));
        }
    }
}

/// Stands before the path of a file whose text is for people.
const SHOWN: &str = "shown:";

const SINGLE: [&str; 17] = [
    "init",
    "packages",
    "fetcher",
    "machine",
    "selinux-policy",
    "firewalld",
    "etcd",
    "removed",
    "sqlite",
    "node-password",
    "ip",
    "df",
    "clock",
    "now",
    "units",
    "installed",
    "version",
];
const LISTED: [&str; 6] = ["f", "h", "u", "module", "sysctl", "service"];

impl Evidence {
    pub(super) fn take(&mut self, word: &str, value: Vec<u8>) {
        match word {
            "t" => self.texts.push((String::from_utf8_lossy(&value).into_owned(), Vec::new())),
            "x" => self.texts.push((format!("{SHOWN}{}", String::from_utf8_lossy(&value)), Vec::new())),
            "|" => match self.texts.last_mut() {
                Some((_, text)) => {
                    text.extend_from_slice(&value);
                    text.push(b'\n');
                }
                None => self.strange = Some("a line of no file".to_owned()),
            },
            "kubeconfig" => drop(self.words.insert(word.to_owned(), value)),
            _ if SINGLE.contains(&word) => drop(self.words.insert(word.to_owned(), value)),
            _ if LISTED.contains(&word) => self.lists.entry(word.to_owned()).or_default().push(value),
            _ => self.strange = Some(format!("the word {word:?}")),
        }
    }

    /// Reads it all.
    pub(super) fn read(&self, survey: &Survey) -> Result<(HostFacts, Option<Secret>), String> {
        if let Some(strange) = &self.strange {
            return Err(strange.clone());
        }
        let kubeconfig = match self.words.get("kubeconfig") {
            Some(text) => Some(hex(text).ok_or("the kubeconfig is no hex")?),
            None => None,
        };
        Ok((facts::read(self, survey)?, kubeconfig))
    }

    pub(super) fn has(&self, word: &str) -> bool {
        self.words.contains_key(word)
    }

    /// A single value as trimmed text; empty when it was not sent.
    pub(super) fn word(&self, word: &str) -> String {
        self.words.get(word).map(|value| String::from_utf8_lossy(value).trim().to_owned()).unwrap_or_default()
    }

    pub(super) fn list(&self, word: &str) -> &[Vec<u8>] {
        self.lists.get(word).map_or(&[], Vec::as_slice)
    }

    /// A file's bytes, when it was there and not empty.
    pub(super) fn bytes(&self, path: &str) -> Option<&[u8]> {
        self.texts.iter().find(|(name, _)| name == path).map(|(_, text)| text.as_slice())
    }

    /// The text of a file that is for people to see.
    pub(super) fn shown(&self, path: &str) -> Option<String> {
        String::from_utf8(self.bytes(&format!("{SHOWN}{path}"))?.to_vec()).ok()
    }

    /// A file's text; empty when it was not there.
    pub(super) fn text(&self, path: &str) -> String {
        self.bytes(path).map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default()
    }

    /// The files whose path begins and ends so, in the order of their names.
    pub(super) fn texts(&self, start: &str, end: &str) -> Vec<(&str, String)> {
        let mut found: Vec<_> = self
            .texts
            .iter()
            .filter(|(path, _)| path.starts_with(start) && path.ends_with(end))
            .map(|(path, text)| (path.as_str(), String::from_utf8_lossy(text).into_owned()))
            .collect();
        found.sort();
        found
    }
}
