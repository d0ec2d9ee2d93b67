//! Observed worlds, made by hand: what each test starts from.

use std::collections::BTreeMap;

use model::{
    digest::Sha256,
    facts::{
        Address, Api, Arch, Datadir, Facts, Fetcher, HostFacts, Init, K3sFacts, NodeFact, Ownership,
        PackageTool, Seen, ServiceFact, Stable, System, Volatile,
    },
    fault::{Cause, HostFault},
    lock::{Artifact, Lock},
    plan::Plan,
    report::Report,
};
use plan::{Seed, Wish};
use spec::{cluster::Cluster, name::NodeName};

pub(crate) const NOW: u64 = 1_800_000_000;

/// The cluster that this text describes.
pub(crate) fn cluster(text: &str) -> Cluster {
    let parsed = spec::parse(text, &|_| None);
    assert!(parsed.clusters.len() == 1, "{:#?}", parsed.diagnostics);
    parsed.clusters.into_iter().next().expect("counted above")
}

/// A cluster of servers `s1`… and agents `a1`… in 10.0.0.0/24, with further lines below `spec`.
pub(crate) fn nodes(servers: usize, agents: usize, more: &str) -> Cluster {
    let mut text =
        String::from("apiVersion: coracle.dev/v1alpha1\nkind: Cluster\nmetadata: {name: harbor}\nspec:\n");
    for line in more.lines() {
        text.push_str(&format!("  {line}\n"));
    }
    text.push_str("  nodes:\n");
    for index in 1..=servers {
        text.push_str(&format!("    - {{name: s{index}, role: server, ssh: root@10.0.0.{index}}}\n"));
    }
    for index in 1..=agents {
        text.push_str(&format!("    - {{name: a{index}, role: agent, ssh: root@10.0.0.{}}}\n", 100 + index));
    }
    cluster(&text)
}

/// Checksums for the default release on two architectures.
pub(crate) fn lock() -> Lock {
    let artifact = |name: &str| Artifact { name: name.into(), sha256: Sha256::of(name.as_bytes()) };
    let archs = BTreeMap::from([(Arch::Amd64, artifact("k3s")), (Arch::Arm64, artifact("k3s-arm64"))]);
    Lock { version: 1, k3s: BTreeMap::from([(spec::k3s::release::DEFAULT.to_string(), archs)]) }
}

/// Every host of the cluster, freshly installed.
pub(crate) fn fresh(cluster: &Cluster) -> Facts {
    let hosts = cluster
        .nodes
        .iter()
        .map(|node| (node.name.clone(), Seen::Known(host(&node.ssh.host, node.name.as_str()))));
    Facts { taken: NOW, hosts: hosts.collect(), ..Facts::default() }
}

fn host(ip: &str, name: &str) -> HostFacts {
    HostFacts {
        texts: BTreeMap::new(),
        stable: Stable {
            system: System {
                id: "debian".into(),
                like: vec![],
                version: "12".into(),
                pretty: "Debian 12".into(),
            },
            arch: Arch::Amd64,
            init: Init::Systemd,
            packages: Some(PackageTool::Apt),
            fetcher: Some(Fetcher::Curl),
            hostname: name.into(),
            machine_id: Some(format!("{name}-id")),
            addresses: vec![Address { interface: "eth0".into(), ip: ip.parse().unwrap(), prefix: 24 }],
            memory_cgroup: true,
            swap: false,
            selinux_enforcing: false,
            selinux_policy: false,
            sshd_dropins: true,
            firewalls: vec![],
            files: BTreeMap::new(),
            installed: BTreeMap::new(),
            services: BTreeMap::from([(
                "ssh".into(),
                ServiceFact { known: true, enabled: true, active: true, stamp: None },
            )]),
            sysctls: BTreeMap::new(),
            modules: BTreeMap::new(),
            owned: None,
            k3s: K3sFacts::default(),
            integrity: BTreeMap::new(),
        },
        volatile: Volatile {
            boot_id: "boot".into(),
            uptime: 100,
            clock: NOW,
            clock_synced: Some(true),
            disk_free: 50 << 30,
            memory: 4 << 30,
            guard: None,
        },
    }
}

/// The facts of one host, to be changed.
pub(crate) fn at<'a>(facts: &'a mut Facts, name: &str) -> &'a mut HostFacts {
    match facts.hosts.get_mut(&name.parse::<NodeName>().unwrap()) {
        Some(Seen::Known(host)) => host,
        other => panic!("{name} is {other:?}"),
    }
}

/// The host does not answer.
pub(crate) fn darken(facts: &mut Facts, name: &str) {
    facts.hosts.insert(name.parse().unwrap(), Seen::Dark(HostFault::new(Cause::TimedOut, "")));
}

/// The host is a working member of the cluster with this CA, as coracle leaves one, but for the files' digests.
pub(crate) fn member(facts: &mut Facts, name: &str, server: bool, ca: &str) {
    let ca = Some(Sha256::of(ca.as_bytes()));
    let host = at(facts, name);
    host.stable.owned =
        Some(Ownership { cluster: "harbor".parse().unwrap(), id: "1".into(), entries: BTreeMap::new() });
    host.stable.k3s.data = Datadir {
        etcd: server,
        server_ca: ca.clone().filter(|_| server),
        agent_ca: ca,
        ..Datadir::default()
    };
    host.stable.k3s.node_password = Some(NOW - 1000);
    let service = if server { "k3s" } else { "k3s-agent" };
    host.stable
        .services
        .insert(service.into(), ServiceFact { known: true, enabled: true, active: true, stamp: None });
    let address = host.stable.addresses[0].ip;
    if server {
        facts.kube.apis.insert(name.parse().unwrap(), Api::Ready);
    }
    let node = NodeFact {
        ready: true,
        reason: String::new(),
        voter: server.then_some(true),
        version: Some(spec::k3s::release::DEFAULT),
        created: NOW - 1000,
        address: Some(address),
        unschedulable: false,
        labels: BTreeMap::new(),
        taints: vec![],
        owned_labels: vec![],
        owned_taints: vec![],
    };
    facts.kube.nodes.insert(name.into(), node);
}

/// The facts of a cluster in which these servers are members of one, and nothing else is.
pub(crate) fn members(cluster: &Cluster, servers: &[&str]) -> Facts {
    let mut facts = fresh(cluster);
    for name in servers {
        member(&mut facts, name, true, "ca");
    }
    facts
}

/// The plan, judged: every plan made in these tests must pass the check.
pub(crate) fn make(cluster: &Cluster, facts: &Facts) -> (Plan, Report) {
    let lock = lock();
    let wish = Wish { cluster, lock: &lock, seed: Seed(7), verify: false, record_integrity: false };
    let (plan, report) = plan::plan(&wish, facts);
    let objections = plan::check(&plan, facts);
    assert!(objections.is_empty(), "{objections:#?}");
    (plan, report)
}

/// The steps that matter between hosts, in plan order: everything but files, packages and kernel settings.
pub(crate) fn turns(plan: &Plan) -> Vec<String> {
    let plain = [
        "file ",
        "link ",
        "mode ",
        "packages",
        "sysctls",
        "modules",
        "claim",
        "integrity",
        "restart systemd",
        "arm",
        "reload",
        "prove",
        "disarm",
    ];
    let what = |id: &str| id.split_once(": ").expect("every step names its host").1.to_owned();
    plan.steps
        .iter()
        .map(|step| step.id.as_str().to_owned())
        .filter(|id| !plain.iter().any(|word| what(id).starts_with(word)))
        .collect()
}

/// The codes of all findings.
pub(crate) fn codes(report: &Report) -> Vec<String> {
    report.findings.iter().map(|finding| finding.code.clone()).collect()
}

/// Lets the hosts of a cluster look as if the plan for them had been carried out: every operation's effect is written
/// into the facts. A poor man's rehearsal, enough for tests that begin with a finished cluster.
pub(crate) fn pretend(cluster: &Cluster, facts: &mut Facts) {
    use model::{op::HostOp, plan::Act};
    for _ in 0..3 {
        let (plan, _) = make(cluster, facts);
        for step in plan.steps {
            if let Act::Host(op) = &step.act {
                let name = step.host.to_string();
                effect(&mut at(facts, &name).stable, op, step.own);
            }
            if let Act::Host(HostOp::Claim { cluster, id, .. }) = step.act {
                let owned = Ownership { cluster, id, entries: BTreeMap::new() };
                at(facts, step.host.as_str()).stable.owned.get_or_insert(owned);
            }
        }
    }
}

fn effect(stable: &mut Stable, op: &model::op::HostOp, own: bool) {
    use model::{
        facts::{Before, Content, FileFact, FileMeta, IntegrityFact, Owned},
        op::{HostOp, Run},
    };
    let file = |meta: &FileMeta, digest: Sha256| FileFact::File {
        meta: meta.clone(),
        content: Content::Digest(digest),
    };
    match op {
        HostOp::PutFile { path, meta, content, .. } => {
            let text = content.public().unwrap_or_default();
            if path.ends_with("50-coracle.yaml") {
                stable.k3s.config = config(&text, path);
            }
            stable.files.insert(path.clone(), file(meta, Sha256::of(text.as_bytes())));
        }
        HostOp::PutLink { path, target } => {
            stable.files.insert(path.clone(), FileFact::Link { target: target.clone() });
        }
        HostOp::SetMeta { path, meta } => {
            stable.files.insert(path.clone(), FileFact::Dir { meta: meta.clone() });
        }
        HostOp::MakeSecret { path, .. } => {
            let meta = FileMeta { mode: 0o600, owner: "root".into(), group: "root".into() };
            stable.files.insert(path.clone(), file(&meta, Sha256::of(b"")));
        }
        HostOp::FetchArtifact { path, meta, sha256, .. } => {
            stable.files.insert(path.clone(), file(meta, sha256.clone()));
            stable.k3s.binary = Some(sha256.clone());
            stable.k3s.version = Some(spec::k3s::release::DEFAULT);
        }
        HostOp::SetSysctls { values } => {
            stable.sysctls.extend(values.iter().map(|(key, value)| (key.clone(), Some(value.clone()))));
        }
        HostOp::RecordIntegrity { paths } => {
            let fact = IntegrityFact { recorded: None, now: None };
            stable.integrity.extend(paths.iter().map(|path| (path.clone(), fact.clone())));
        }
        HostOp::SetService { name, enabled, run, .. } => {
            let service = stable.services.entry(name.clone()).or_default();
            service.known = true;
            service.enabled = enabled.unwrap_or(service.enabled);
            match run {
                Run::Started { stamp } => (service.active, service.stamp) = (true, stamp.clone()),
                Run::Reloaded { stamp } | Run::Stamped { stamp } => service.stamp = Some(stamp.clone()),
                Run::Stopped => service.active = false,
                Run::Any => {}
            }
        }
        _ => {}
    }
    if let (true, Some(id), Some(owned)) = (own, op.places(), &mut stable.owned) {
        let before = match op {
            HostOp::SetService { .. } => Before::Service { enabled: false, active: false },
            _ => Before::Nothing,
        };
        owned.entries.insert(id, Owned { before });
    }
}

fn config(text: &str, path: &str) -> BTreeMap<String, model::facts::ConfigFact> {
    use model::facts::{ConfigFact, ConfigSource};
    let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(": "));
    lines
        .map(|(key, value)| {
            let fact = ConfigFact { source: ConfigSource::File(path.into()), value: Some(value.into()) };
            (key.to_owned(), fact)
        })
        .collect()
}
