//! A small world and the few words that tests speak to it in.

use std::{collections::BTreeMap, time::Duration};

use model::{
    NodeName, Version,
    condition::Condition,
    facts::{Arch, FileMeta, HostFacts, Init, KubeFacts, NodeFact},
    fault::HostFault,
    op::{HostOp, KubeOp, Origin, Run, Survey},
    plan::{Await, StepId},
    port::{Body, Clock as _, Exec, ExecStep, Hosts as _, Kube as _},
    reply::{Failure, FailureKind, KubeReply, Said, StepReply},
    secret::{Content, Secret},
};
use sim::{Shared, Sim, World};

pub(crate) const V36: &str = "v1.36.4+k3s1";
pub(crate) const V37: &str = "v1.37.0+k3s1";

pub(crate) fn name(text: &str) -> NodeName {
    text.parse().expect("a node name")
}

pub(crate) fn version(text: &str) -> Version {
    text.parse().expect("a release")
}

/// Machines a, b, c … with addresses 10.0.0.1, 10.0.0.2, …
pub(crate) fn cluster(nodes: usize, user: &str) -> spec::cluster::Cluster {
    let list: Vec<String> = ('a'..='z')
        .take(nodes)
        .enumerate()
        .map(|(index, letter)| {
            let role = if index < 3 { "server" } else { "agent" };
            format!("    - {{name: {letter}, role: {role}, ssh: {user}@10.0.0.{}}}\n", index + 1)
        })
        .collect();
    let text = format!(
        "apiVersion: coracle.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: harbor}}\nspec:\n\
         \x20 kubernetes: {{version: {V36}, datastore: etcd}}\n\
         \x20 network: {{nodeNetwork: {{lan: {{cidr: 10.0.0.0/24}}}}}}\n\
         \x20 nodes:\n{}",
        list.concat()
    );
    let parsed = spec::parse(&text, &|_| None);
    parsed.clusters.into_iter().next().unwrap_or_else(|| panic!("{:?}", parsed.diagnostics))
}

pub(crate) fn world(nodes: usize) -> Shared {
    world_of(nodes, "root")
}

/// The same, where the operator logs in as this user.
pub(crate) fn world_of(nodes: usize, user: &str) -> Shared {
    let mut world = World::from_cluster(&cluster(nodes, user), 1);
    world.stock(&sim::lock_for([&version(V36), &version(V37)]));
    world.share()
}

/// One operator and the steps he takes by hand.
pub(crate) struct Hand(pub(crate) Sim);

impl Hand {
    pub(crate) fn new(world: &Shared) -> Self {
        Self(Sim::new(world))
    }

    /// Everything that a host says to an exec, and how the exec ended.
    pub(crate) fn exec(&self, host: &str, steps: Vec<ExecStep>) -> (Vec<Said>, Result<(), HostFault>) {
        let mut said = Vec::new();
        let host = name(host);
        let mut heard = |word| said.push(word);
        let end =
            self.0.run(self.0.exec(&host, Exec { steps }, &mut heard)).done().expect("the process lives");
        (said, end)
    }

    /// The replies to these operations, up to the first failure.
    pub(crate) fn replies(&self, host: &str, steps: Vec<ExecStep>) -> Vec<StepReply> {
        let (said, end) = self.exec(host, steps);
        assert_eq!(end, Ok(()));
        let reply = |said| match said {
            Said::Ended(_, reply) => Some(reply),
            Said::Began(_) => None,
        };
        said.into_iter().filter_map(reply).collect()
    }

    /// The reply to one operation.
    pub(crate) fn one(&self, host: &str, step: ExecStep) -> StepReply {
        self.replies(host, vec![step]).pop().expect("one reply")
    }

    /// The reply to one operation, which the host can do.
    pub(crate) fn good(&self, host: &str, step: ExecStep) -> StepReply {
        let id = step.id.clone();
        let reply = self.one(host, step);
        assert!(!matches!(reply, StepReply::Failed(_)), "{id}: {reply:?}");
        reply
    }

    pub(crate) fn failure(&self, host: &str, step: ExecStep) -> (FailureKind, String) {
        match self.one(host, step) {
            StepReply::Failed(Failure { kind, detail }) => (kind, detail),
            other => panic!("it should fail, but {other:?}"),
        }
    }

    pub(crate) fn facts(&self, host: &str) -> HostFacts {
        self.survey(host, Survey::default())
    }

    pub(crate) fn survey(&self, host: &str, survey: Survey) -> HostFacts {
        match self.one(host, step(HostOp::Observe(survey))) {
            StepReply::Observed(facts, _) => facts,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn secret(&self, host: &str, path: &str) -> String {
        match self.one(host, step(HostOp::ReadSecret { path: path.to_owned() })) {
            StepReply::Secret { secret, .. } => String::from_utf8(secret.expose().to_vec()).expect("text"),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn pass(&self, seconds: u64) {
        let slept = self.0.run(self.0.sleep(Duration::from_secs(seconds)));
        assert!(slept.done().is_some());
    }

    pub(crate) fn kube(&self) -> KubeFacts {
        match self.ask(&KubeOp::Observe) {
            Ok(KubeReply::Observed(facts)) => facts,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn ask(&self, op: &KubeOp) -> Result<KubeReply, Failure> {
        let servers = ["a", "b", "c"].map(name);
        self.0.run(self.0.ask(&servers, op)).done().expect("the process lives")
    }

    pub(crate) fn node(&self, node: &str) -> NodeFact {
        let facts = self.kube();
        facts.nodes.get(node).cloned().unwrap_or_else(|| panic!("no node {node} in {facts:?}"))
    }

    /// Waits until something is so, at most two minutes.
    pub(crate) fn wait(&self, until: &Await) {
        let mut seen = String::new();
        for _ in 0..120 {
            match until.judge(&self.kube()) {
                Ok(()) => return,
                Err(why) => seen = why,
            }
            self.pass(1);
        }
        panic!("never: {until}; {seen}; {:?}", self.reason("a"));
    }

    /// Why the API of a server is down.
    pub(crate) fn reason(&self, server: &str) -> String {
        format!("{:?}", self.kube().apis[&name(server)])
    }

    /// Brings binary, unit and configuration to a host and starts k3s there.
    pub(crate) fn install(&self, host: &str, role: &str, release: &str, config: &str) {
        let service = if role == "agent" { "k3s-agent" } else { "k3s" };
        let (cluster, id) = ("harbor".parse().expect("a name"), "1".to_owned());
        self.good(host, step(HostOp::Claim { cluster, id, instead: None }));
        self.good(host, binary(release));
        let unit = format!("[Service]\nExecStart=/usr/local/bin/k3s {role}\n");
        self.good(host, file(&format!("/etc/systemd/system/{service}.service"), &unit));
        self.good(host, file("/etc/rancher/k3s/config.yaml.d/50-coracle.yaml", config));
        self.good(host, service_step(service, Some(true), Run::Started { stamp: Some(config.to_owned()) }));
    }

    /// A founder that votes and is Ready.
    pub(crate) fn found(&self, config: &str) {
        self.install("a", "server", V36, &format!("cluster-init: true\n{config}"));
        self.wait(&Await::NodeReady(name("a"), None));
        self.wait(&Await::Voter(name("a")));
    }

    /// The token that servers join with.
    pub(crate) fn token(&self) -> String {
        self.secret("a", "/var/lib/rancher/k3s/server/token").trim().to_owned()
    }

    /// Three servers that vote and are Ready.
    pub(crate) fn three(&self) {
        self.found("");
        let config = format!("server: https://10.0.0.1:6443\ntoken: {}\n", self.token());
        for host in ["b", "c"] {
            self.install(host, "server", V36, &config);
            self.wait(&Await::NodeReady(name(host), None));
            self.wait(&Await::Voter(name(host)));
        }
    }

    /// Has something happen as soon as time passes.
    pub(crate) fn fault(&self, text: &str) {
        let fault = text.parse().expect("a fault");
        self.0.world_ref().borrow_mut().add_fault(fault).expect("a host of this world");
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        self.0.world_ref().borrow().violations()
    }
}

pub(crate) fn step(op: HostOp) -> ExecStep {
    let id = StepId::new(&name("x"), format!("{} {:?}", op.name(), op.places()));
    ExecStep { id, op, was: Condition::Holds, own: None, bodies: Vec::new() }
}

pub(crate) fn owned(mut step: ExecStep) -> ExecStep {
    step.own = step.op.places();
    step
}

pub(crate) fn meta(mode: u32) -> FileMeta {
    FileMeta { mode, owner: "root".into(), group: "root".into() }
}

pub(crate) fn file(path: &str, text: &str) -> ExecStep {
    let op = HostOp::PutFile {
        path: path.to_owned(),
        meta: meta(0o644),
        content: Content::text(text),
        later: None,
    };
    let body = Body { bytes: Secret::new(text.as_bytes().to_vec()), secret: false };
    ExecStep { bodies: vec![body], ..owned(step(op)) }
}

pub(crate) fn service_step(service: &str, enabled: Option<bool>, run: Run) -> ExecStep {
    let op = HostOp::SetService { init: Init::Systemd, name: service.to_owned(), enabled, run };
    owned(step(op))
}

pub(crate) fn binary(release: &str) -> ExecStep {
    let lock = sim::lock_for([&version(release)]);
    let artifact = lock.k3s(&version(release), Arch::Amd64).expect("a stand-in").clone();
    let from = Origin::Url(format!("https://example.org/{}", artifact.name));
    let path = "/usr/local/bin/k3s".to_owned();
    owned(step(HostOp::FetchArtifact { from, sha256: artifact.sha256, path, meta: meta(0o755) }))
}

pub(crate) fn no_labels(node: &str) -> KubeOp {
    KubeOp::SetNode {
        node: name(node),
        labels: BTreeMap::new(),
        drop_labels: Vec::new(),
        taints: Vec::new(),
        drop_taints: Vec::new(),
    }
}
