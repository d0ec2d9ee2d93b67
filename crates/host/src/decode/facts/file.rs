//! What is at the paths that were looked at.

use std::collections::BTreeMap;

use model::{
    digest::Sha256,
    facts::{Content, FileFact, FileMeta, Ownership},
    op::Survey,
    resource::Kind,
};

use crate::{decode::evidence::Evidence, encode::unescape};

/// Every look, by its index: survey's own by number, owned ones `x…`, watched ones `w…`, and those of k3s by name.
pub(in crate::decode) struct Looks {
    found: BTreeMap<String, (String, FileFact)>,
    sizes: BTreeMap<String, u64>,
}

impl Looks {
    /// Paths asked about or owned.
    pub(super) fn files(&self, owned: Option<&Ownership>) -> BTreeMap<String, FileFact> {
        let mut files = BTreeMap::new();
        let owns = |path: &str| {
            owned.is_some_and(|owned| {
                let kinds = [Kind::File, Kind::Dir, Kind::Mode];
                owned.entries.keys().any(|id| id.name == path && kinds.contains(&id.kind))
            })
        };
        for (index, (path, fact)) in &self.found {
            if index.starts_with('x') && owns(path) {
                files.insert(path.clone(), fact.clone());
            }
        }
        // Where a path is asked about too, that look counts: it may have offered content.
        for (index, (path, fact)) in &self.found {
            if index.starts_with(|c: char| c.is_ascii_digit()) {
                files.insert(path.clone(), fact.clone());
            }
        }
        files
    }

    /// The digest of `/usr/local/bin/k3s`.
    pub(in crate::decode) fn k3s(&self) -> Option<Sha256> {
        digest(&self.found.get("k3s")?.1)
    }

    /// Bytes of a file.
    pub(in crate::decode) fn size(&self, index: &str) -> Option<u64> {
        self.sizes.get(index).copied()
    }

    /// The digest now of a watched path.
    pub(super) fn watched(&self, path: &str) -> Option<Sha256> {
        let found = self.found.iter().find(|(index, (name, _))| index.starts_with('w') && name == path);
        digest(&found?.1.1)
    }
}

fn digest(fact: &FileFact) -> Option<Sha256> {
    match fact {
        FileFact::File { content: Content::Digest(digest), .. } => Some(digest.clone()),
        _ => None,
    }
}

/// Reads `f` lines (`INDEX|KEY|KIND…`) and `h` lines (`INDEX|CONTENT`).
pub(super) fn read(evidence: &Evidence, survey: &Survey) -> Result<Looks, String> {
    let mut hashed = BTreeMap::new();
    for line in evidence.list("h") {
        let line = String::from_utf8_lossy(line).into_owned();
        let (index, content) = line.split_once('|').ok_or("a digest of no file")?;
        hashed.insert(index.to_owned(), content.to_owned());
    }
    let mut looks = BTreeMap::new();
    let mut sizes = BTreeMap::new();
    for line in evidence.list("f") {
        // A link's target comes behind the first blank, as it stands; no other field has one but group names.
        let line = String::from_utf8_lossy(line).into_owned();
        let mut fields = line.splitn(3, '|');
        let index = fields.next().unwrap_or_default().to_owned();
        let key = fields.next().unwrap_or_default();
        let rest = fields.next().ok_or_else(|| format!("a look without its kind: {line:?}"))?;
        let fact = fact(rest, hashed.get(&index)).ok_or_else(|| format!("the look {line:?}"))?;
        if let Some(size) = rest.split('|').nth(6).and_then(|size| size.parse().ok()) {
            sizes.insert(index.clone(), size);
        }
        let path = String::from_utf8_lossy(&unescape(key.as_bytes())).into_owned();
        looks.insert(index, (path, fact));
    }
    match (0..survey.paths.len()).find(|index| !looks.contains_key(&index.to_string())) {
        Some(missing) => Err(format!("nothing is said of path {missing}")),
        None => Ok(Looks { found: looks, sizes }),
    }
}

fn fact(rest: &str, hashed: Option<&String>) -> Option<FileFact> {
    if let Some(target) = rest.strip_prefix("link ") {
        return Some(FileFact::Link { target: target.to_owned() });
    }
    let fields: Vec<&str> = rest.split('|').collect();
    match fields.as_slice() {
        ["absent"] => Some(FileFact::Absent),
        ["special"] => Some(FileFact::Special),
        ["dir", mode, uid, gid, user, group, _, "-"] => {
            Some(FileFact::Dir { meta: meta(mode, [user, uid], [group, gid])? })
        }
        ["file", mode, uid, gid, user, group, _, found @ ..] => {
            let meta = meta(mode, [user, uid], [group, gid])?;
            let hashed: Vec<&str> = hashed.map(|text| text.split('|').collect()).unwrap_or_default();
            let content = if hashed.is_empty() { found } else { &hashed };
            Some(FileFact::File { meta, content: content_of(content)? })
        }
        _ => None,
    }
}

fn meta(mode: &str, [user, uid]: [&str; 2], [group, gid]: [&str; 2]) -> Option<FileMeta> {
    let name = |name: &str, number: &str| if name == "UNKNOWN" { number } else { name }.to_owned();
    let mode = u32::from_str_radix(mode, 8).ok()?;
    Some(FileMeta { mode, owner: name(user, uid), group: name(group, gid) })
}

fn content_of(fields: &[&str]) -> Option<Content> {
    match fields {
        ["-"] => Some(Content::Unread),
        ["d", digest] => Some(Content::Digest((*digest).to_owned().try_into().ok()?)),
        ["k", digest, wanted] => Some(Content::Keyed {
            digest: (*digest).to_owned().try_into().ok()?,
            wanted: match *wanted {
                "1" => Some(true),
                "0" => Some(false),
                _ => None,
            },
        }),
        _ => None,
    }
}
