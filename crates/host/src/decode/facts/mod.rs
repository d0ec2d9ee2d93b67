//! Evidence read into facts.
//!
//! Owns: what files and tools of a host mean. Must not: judge whether that is good.

pub(super) mod file;
mod network;
mod owned;
mod service;
mod system;

use std::collections::BTreeMap;

use model::{
    facts::{HostFacts, Stable, Volatile},
    op::{Look, Survey},
};

use super::{evidence::Evidence, k3s};
use crate::encode::escape;

/// Reads one observation. The error names what is missing from it.
pub(super) fn read(evidence: &Evidence, survey: &Survey) -> Result<HostFacts, String> {
    let looks = file::read(evidence, survey)?;
    let owned = owned::read(evidence);
    let files = looks.files(owned.as_ref());
    let k3s = k3s::read(evidence, &looks, owned.as_ref());
    let stable = Stable {
        system: system::os(evidence),
        arch: system::arch(evidence),
        init: system::init(evidence)?,
        packages: system::packages(evidence),
        fetcher: system::fetcher(evidence),
        sshd_dropins: system::sshd_dropins(evidence),
        hostname: evidence.text("/proc/sys/kernel/hostname").trim().to_owned(),
        machine_id: Some(evidence.text("/etc/machine-id").trim().to_owned()).filter(|id| !id.is_empty()),
        addresses: network::addresses(evidence),
        memory_cgroup: system::memory_cgroup(evidence),
        swap: evidence.text("/proc/swaps").lines().count() > 1,
        selinux_enforcing: evidence.text("/sys/fs/selinux/enforce").trim() == "1",
        selinux_policy: evidence.has("selinux-policy"),
        firewalls: service::firewalls(evidence),
        files,
        installed: service::installed(evidence, &survey.packages),
        services: service::read(evidence),
        sysctls: sysctls(evidence, &survey.sysctls),
        modules: modules(evidence, &survey.modules),
        integrity: owned::integrity(evidence, &looks),
        owned,
        k3s,
    };
    let asked = survey.paths.iter().filter(|(_, look)| matches!(look, Look::Text(_)));
    let shown = asked.filter_map(|(path, _)| Some((path.clone(), evidence.shown(path)?)));
    Ok(HostFacts { stable, volatile: volatile(evidence)?, texts: shown.collect() })
}

fn volatile(evidence: &Evidence) -> Result<Volatile, String> {
    let uptime = system::seconds(&evidence.text("/proc/uptime"));
    Ok(Volatile {
        boot_id: evidence.text("/proc/sys/kernel/random/boot_id").trim().to_owned(),
        uptime,
        clock: evidence.word("now").parse().map_err(|_| "the clock is missing".to_owned())?,
        clock_synced: match evidence.word("clock").as_str() {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        },
        disk_free: system::disk_free(evidence),
        memory: system::memory(evidence),
        guard: owned::guard(evidence, uptime),
    })
}

fn sysctls(evidence: &Evidence, asked: &[String]) -> BTreeMap<String, Option<String>> {
    let found: BTreeMap<String, String> = evidence
        .list("sysctl")
        .iter()
        .filter_map(|line| {
            let line = String::from_utf8_lossy(line).into_owned();
            line.split_once(' ').map(|(key, value)| (key.to_owned(), value.to_owned()))
        })
        .collect();
    asked.iter().map(|key| (key.clone(), found.get(&escape(key)).cloned())).collect()
}

fn modules(evidence: &Evidence, asked: &[String]) -> BTreeMap<String, bool> {
    let found: Vec<_> = evidence.list("module").iter().map(|name| String::from_utf8_lossy(name)).collect();
    asked.iter().map(|name| (name.clone(), found.contains(&name.replace('-', "_").into()))).collect()
}
