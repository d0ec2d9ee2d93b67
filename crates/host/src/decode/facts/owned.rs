//! What coracle itself keeps on a host.

use std::collections::BTreeMap;

use model::{
    facts::{Before, FileMeta, GuardFact, IntegrityFact, Owned, Ownership},
    resource::ResourceId,
};

use super::{file::Looks, system};
use crate::{decode::evidence::Evidence, encode::unescape};

/// The claim, and the live lines of the log behind it. Without a claim nothing is owned.
pub(super) fn read(evidence: &Evidence) -> Option<Ownership> {
    let claim = evidence.text("/var/lib/coracle/cluster");
    let (cluster, id) = claim.trim().split_once(' ')?;
    let mut entries = BTreeMap::new();
    for line in evidence.text("/var/lib/coracle/owned").lines() {
        let fields: Vec<&str> = line.split('|').collect();
        match fields.as_slice() {
            ["+", key, _, before @ .., "."] => {
                if let (Some(resource), Some(before)) = (resource(key), before_of(before)) {
                    entries.insert(resource, Owned { before });
                }
            }
            ["-", key, "."] => {
                if let Some(resource) = resource(key) {
                    entries.remove(&resource);
                }
            }
            _ => {}
        }
    }
    let id = plain(id);
    Some(Ownership { cluster: cluster.parse().ok()?, id, entries })
}

fn plain(field: &str) -> String {
    String::from_utf8_lossy(&unescape(field.as_bytes())).into_owned()
}

fn resource(key: &str) -> Option<ResourceId> {
    plain(key).try_into().ok()
}

fn before_of(fields: &[&str]) -> Option<Before> {
    match fields {
        ["nothing"] => Some(Before::Nothing),
        ["kept"] => Some(Before::Kept),
        ["meta", mode, owner, group] => {
            let mode = u32::from_str_radix(mode, 8).ok()?;
            Some(Before::Meta(FileMeta { mode, owner: (*owner).to_owned(), group: (*group).to_owned() }))
        }
        ["service", enabled, active] => {
            Some(Before::Service { enabled: *enabled == "1", active: *active == "1" })
        }
        _ => None,
    }
}

/// `KEY|SIZE|INODE|MTIME|CTIME|SHA256`, the digest `-` where nothing was.
pub(super) fn integrity(evidence: &Evidence, looks: &Looks) -> BTreeMap<String, IntegrityFact> {
    let text = evidence.text("/var/lib/coracle/integrity");
    let entry = |line: &str| {
        let (key, rest) = line.split_once('|')?;
        let path = plain(key);
        let recorded = rest.rsplit('|').next()?.to_owned().try_into().ok();
        let now = looks.watched(&path);
        Some((path, IntegrityFact { recorded, now }))
    };
    text.lines().filter_map(entry).collect()
}

/// `ID DUE`, due by uptime. Armed in an earlier boot and still there, it fires at once; until all is given back it is there.
pub(super) fn guard(evidence: &Evidence, uptime: u64) -> Option<GuardFact> {
    let words = ["armed", "firing"].map(|word| evidence.text(&format!("/var/lib/coracle/guard/{word}")));
    let (id, due) = words.iter().find_map(|text| text.trim().split_once(' '))?;
    Some(GuardFact { id: plain(id), left: system::seconds(due).saturating_sub(uptime) })
}
