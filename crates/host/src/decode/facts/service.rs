//! Services, packages and host firewalls.

use std::collections::BTreeMap;

use model::facts::{Firewall, ServiceFact};

use crate::decode::evidence::Evidence;

/// Every service asked about or owned.
pub(super) fn read(evidence: &Evidence) -> BTreeMap<String, ServiceFact> {
    let mut services = units(evidence);
    services.remove("firewalld");
    let asked = evidence.list("u").iter().filter(|name| name.as_slice() == b"firewalld").count();
    if asked > 1 {
        // It was asked about for its own sake too.
        services.extend(units(evidence).remove_entry("firewalld"));
    }
    for line in evidence.list("service") {
        let line = String::from_utf8_lossy(line).into_owned();
        if let [name, known, enabled, active] = line.split(' ').collect::<Vec<_>>().as_slice() {
            let fact = ServiceFact {
                known: *known == "1",
                enabled: *enabled == "1",
                active: *active == "1",
                stamp: stamp(evidence, name),
            };
            services.insert((*name).to_owned(), fact);
        }
    }
    services
}

fn stamp(evidence: &Evidence, name: &str) -> Option<String> {
    let text = evidence.text(&format!("/var/lib/coracle/stamps/{name}"));
    text.lines().next().map(str::to_owned)
}

/// systemd gives one block of properties a unit, in the order they were asked for, with an empty line between.
fn units(evidence: &Evidence) -> BTreeMap<String, ServiceFact> {
    let text = evidence.word("units");
    let blocks = text.split("\n\n").map(Some).chain(std::iter::repeat(None));
    let names = evidence.list("u").iter().map(|name| String::from_utf8_lossy(name).into_owned());
    let fact = |name: &str, block: Option<&str>| {
        let mut fact = ServiceFact { stamp: stamp(evidence, name), ..ServiceFact::default() };
        for line in block.unwrap_or_default().lines() {
            match line.trim().split_once('=') {
                Some(("LoadState", state)) => fact.known = matches!(state, "loaded" | "masked"),
                Some(("ActiveState", state)) => {
                    fact.active = matches!(state, "active" | "activating" | "reloading");
                }
                // A static unit cannot be enabled; what wants it starts it.
                Some(("UnitFileState", state)) => {
                    let on = ["enabled", "enabled-runtime", "static", "alias", "indirect", "generated"];
                    fact.enabled = on.contains(&state);
                }
                _ => {}
            }
        }
        fact
    };
    names.zip(blocks).map(|(name, block)| (name.clone(), fact(&name, block))).collect()
}

/// ufw keeps its switch in a file; firewalld is a service.
pub(super) fn firewalls(evidence: &Evidence) -> Vec<Firewall> {
    let ufw = evidence.text("/etc/ufw/ufw.conf").lines().any(|line| {
        line.trim()
            .strip_prefix("ENABLED=")
            .is_some_and(|value| value.trim_matches('"').eq_ignore_ascii_case("yes"))
    });
    let firewalld =
        evidence.has("firewalld") || units(evidence).get("firewalld").is_some_and(|unit| unit.active);
    let found = [(ufw, Firewall::Ufw), (firewalld, Firewall::Firewalld)];
    found.into_iter().filter(|(active, _)| *active).map(|(_, firewall)| firewall).collect()
}

pub(super) fn installed(evidence: &Evidence, asked: &[String]) -> BTreeMap<String, bool> {
    let text = evidence.word("installed");
    let has: Vec<_> = text.lines().filter_map(|line| line.trim().strip_prefix("installed ")).collect();
    asked.iter().map(|name| (name.clone(), has.contains(&name.as_str()))).collect()
}
