//! Plans and facts by hand.

use std::{collections::BTreeMap, time::Duration};

use model::{
    NodeName, SecretRef,
    condition::Condition,
    digest::Sha256,
    event::Outcome,
    facts::{
        Api, Arch, Facts, FileMeta, HostFacts, Init, K3sFacts, KubeFacts, NodeFact, Stable, System, Volatile,
    },
    op::{Guard, HostOp, KubeOp, Origin},
    plan::{Act, Await, Change, ChangeKind, Plan, Step, StepId},
    secret::{Content, SecretSource},
};

pub(crate) fn node(name: &str) -> NodeName {
    name.parse().expect("a name")
}

pub(crate) fn id(host: &str, what: &str) -> StepId {
    StepId::new(&node(host), what)
}

fn meta() -> FileMeta {
    FileMeta { mode: 0o600, owner: "root".into(), group: "root".into() }
}

pub(crate) fn plan(steps: Vec<Step>) -> Plan {
    Plan {
        version: Plan::VERSION,
        cluster: "harbor".parse().expect("a name"),
        fingerprint: BTreeMap::new(),
        servers: vec![node("h1")],
        steps,
    }
}

/// `what` on `host`, done by `act`, after these.
pub(crate) fn step(host: &str, what: &str, act: Act, needs: &[&Step]) -> Step {
    Step {
        id: id(host, what),
        host: node(host),
        act,
        was: Condition::Holds,
        own: false,
        needs: needs.iter().map(|need| need.id.clone()).collect(),
        change: Change::new(ChangeKind::Add, what),
    }
}

pub(crate) fn file(host: &str, what: &str, needs: &[&Step]) -> Step {
    file_of(host, what, Content::text("x"), needs)
}

pub(crate) fn file_of(host: &str, what: &str, content: Content, needs: &[&Step]) -> Step {
    let op = HostOp::PutFile { path: format!("/{what}"), meta: meta(), content, later: None };
    step(host, what, Act::Host(op), needs)
}

pub(crate) fn read(host: &str, what: &str, needs: &[&Step]) -> Step {
    step(host, what, Act::Host(HostOp::ReadSecret { path: format!("/{what}") }), needs)
}

pub(crate) fn secret_of(host: &str, what: &str, from: &Step) -> Step {
    file_of(host, what, Content::secret(SecretSource::Step(from.id.clone())), &[])
}

pub(crate) fn secret_env(host: &str, what: &str, name: &str) -> Step {
    file_of(host, what, Content::secret(SecretSource::Operator(SecretRef::Env(name.into()))), &[])
}

pub(crate) fn fetch(host: &str, what: &str, bytes: &[u8], needs: &[&Step]) -> Step {
    let from = Origin::Sent { name: "k3s".into(), url: "https://example.org/k3s".into() };
    let op =
        HostOp::FetchArtifact { from, sha256: Sha256::of(bytes), path: format!("/{what}"), meta: meta() };
    step(host, what, Act::Host(op), needs)
}

pub(crate) fn arm(host: &str, what: &str, window: u32) -> Step {
    let guard = Guard {
        id: "g".into(),
        init: Init::Systemd,
        window,
        paths: vec!["/a".into()],
        service: "ssh".into(),
    };
    step(host, what, Act::Host(HostOp::ArmGuard(guard)), &[])
}

pub(crate) fn kube(host: &str, what: &str, needs: &[&Step]) -> Step {
    step(host, what, Act::Kube(KubeOp::DeleteNode { node: node(host) }), needs)
}

pub(crate) fn prove(host: &str, what: &str, needs: &[&Step]) -> Step {
    step(host, what, Act::Prove, needs)
}

pub(crate) fn ready(host: &str, what: &str, seconds: u64, needs: &[&Step]) -> Step {
    let until = Await::NodeReady(node(host), None);
    step(host, what, Act::Wait { until, limit: Duration::from_secs(seconds) }, needs)
}

/// An API that answers, with these nodes and whether each is Ready.
pub(crate) fn nodes(nodes: &[(&str, bool)]) -> KubeFacts {
    let fact = |ready: bool| NodeFact {
        ready,
        reason: if ready { String::new() } else { "KubeletNotReady: no CNI".into() },
        voter: None,
        version: None,
        created: 0,
        address: None,
        unschedulable: false,
        labels: BTreeMap::new(),
        taints: Vec::new(),
        owned_labels: Vec::new(),
        owned_taints: Vec::new(),
    };
    KubeFacts {
        apis: BTreeMap::from([(node("h1"), Api::Ready)]),
        nodes: nodes.iter().map(|(name, ready)| ((*name).to_owned(), fact(*ready))).collect(),
    }
}

pub(crate) fn host_facts() -> HostFacts {
    let system = System {
        id: "debian".into(),
        like: Vec::new(),
        version: "12".into(),
        pretty: "Debian GNU/Linux 12 (bookworm)".into(),
    };
    HostFacts {
        texts: BTreeMap::new(),
        stable: Stable {
            system,
            arch: Arch::Amd64,
            init: Init::Systemd,
            packages: None,
            fetcher: None,
            hostname: "h".into(),
            machine_id: Some("11aa".into()),
            addresses: Vec::new(),
            memory_cgroup: true,
            swap: false,
            selinux_enforcing: false,
            selinux_policy: false,
            sshd_dropins: true,
            firewalls: Vec::new(),
            files: BTreeMap::new(),
            installed: BTreeMap::new(),
            services: BTreeMap::new(),
            sysctls: BTreeMap::new(),
            modules: BTreeMap::new(),
            owned: None,
            k3s: K3sFacts::default(),
            integrity: BTreeMap::new(),
        },
        volatile: Volatile {
            boot_id: "b".into(),
            uptime: 5,
            clock: 1_000,
            clock_synced: None,
            disk_free: 1 << 40,
            memory: 1 << 34,
            guard: None,
        },
    }
}

pub(crate) fn known(facts: &Facts) -> Vec<&NodeName> {
    facts.hosts.keys().filter(|host| facts.host(host).is_some()).collect()
}

pub(crate) fn is_blocked_by(outcome: &Outcome, step: &StepId) -> bool {
    matches!(outcome, Outcome::Blocked { by } if by == step)
}
