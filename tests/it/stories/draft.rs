//! What the file says, after some edits.

use std::{collections::BTreeSet, fmt::Write as _};

use model::NodeName;

use super::tale::{Edit, Opening, Switch, name_of};
use crate::stage::{Stage, file, name};

/// Releases that follow each other, two minors in all.
pub(crate) const VERSIONS: [&str; 4] = ["v1.35.6+k3s1", "v1.36.3+k3s1", "v1.36.4+k3s1", "v1.37.1+k3s1"];
/// The release that stories begin with.
const FIRST: usize = 1;

#[derive(Clone, Debug)]
pub(crate) struct Draft {
    servers: usize,
    named: Vec<bool>,
    labelled: BTreeSet<usize>,
    etcd: bool,
    on: Vec<Switch>,
    version: usize,
    /// The newest release that any file has asked for: there is no way back.
    newest: usize,
}

impl Draft {
    pub(crate) fn new(opening: &Opening) -> Self {
        let servers = if opening.sqlite { 1 } else { opening.named_servers };
        let named = (0..opening.servers + opening.agents).map(|n| match n.checked_sub(opening.servers) {
            None => n < servers,
            Some(agent) => agent < opening.named_agents,
        });
        Self {
            servers: opening.servers,
            named: named.collect(),
            labelled: BTreeSet::new(),
            etcd: !opening.sqlite,
            on: Vec::new(),
            version: FIRST,
            newest: FIRST,
        }
    }

    /// The file that names every machine of the story.
    pub(crate) fn of_all(&self) -> Self {
        Self { named: vec![true; self.named.len()], etcd: true, ..self.clone() }
    }

    /// What a person writes in the end: nothing that shuts him out, nothing older than what runs.
    pub(crate) fn mended(&self) -> Self {
        let mut mended = Self { version: self.newest, ..self.clone() };
        mended.on.retain(|switch| *switch != Switch::Shut);
        mended
    }

    /// The same file with one release after the other: no minor release may be skipped.
    pub(crate) fn through_every_release(&self) -> Vec<Self> {
        (0..=self.newest).map(|version| Self { version, ..self.clone() }).collect()
    }

    /// The servers that are in the cluster without an entry get theirs back.
    pub(crate) fn with_every_member(&self, stage: &Stage) -> Self {
        let mut all = self.clone();
        let nodes = stage.look().kube.nodes;
        for n in 0..self.servers {
            all.named[n] |= nodes.contains_key(self.machine(n).as_str());
        }
        all
    }

    pub(crate) fn machine(&self, n: usize) -> NodeName {
        name(&name_of(n, self.servers))
    }

    pub(crate) fn names(&self, n: usize) -> bool {
        self.named[n]
    }

    pub(crate) fn edit(&mut self, edit: Edit, stage: &Stage, spoilt: bool) {
        match edit {
            Edit::Switch(switch) if self.on.contains(&switch) => self.on.retain(|other| *other != switch),
            Edit::Switch(switch) => self.on.push(switch),
            Edit::Version(n) => {
                self.version = n % VERSIONS.len();
                self.newest = self.newest.max(self.version);
            }
            Edit::Etcd => self.etcd = true,
            Edit::Member(n) if !spoilt && n < self.named.len() && self.may_change(n, stage) => {
                self.named[n] = !self.named[n];
            }
            Edit::Member(_) => {}
            Edit::Relabel(n) if self.labelled.remove(&n) => {}
            Edit::Relabel(n) => {
                self.labelled.insert(n);
            }
        }
    }

    /// A server only leaves while the others have the cluster: a file that names none of its servers is another cluster's.
    fn may_change(&self, n: usize, stage: &Stage) -> bool {
        n >= self.servers || self.etcd && (!self.named[n] || self.others_hold(n, stage))
    }

    /// Whether the cluster lives on without this machine, on servers that the file names.
    pub(crate) fn bears_the_loss(&self, n: usize, stage: &Stage) -> bool {
        if n < self.servers { self.others_hold(n, stage) } else { can_be_spared(stage, &self.machine(n)) }
    }

    fn others_hold(&self, n: usize, stage: &Stage) -> bool {
        let nodes = stage.look().kube.nodes;
        let votes =
            |m: usize| nodes.get(self.machine(m).as_str()).is_some_and(|node| node.voter == Some(true));
        let named = (0..self.servers).any(|m| m != n && self.named[m] && votes(m));
        named && can_be_spared(stage, &self.machine(n))
    }

    fn says(&self, switch: Switch) -> bool {
        self.on.contains(&switch)
    }

    pub(crate) fn text(&self) -> String {
        let (mut k3s, mut os, mut files) = (Vec::new(), Vec::new(), Vec::new());
        if self.says(Switch::KubeletArgument) {
            k3s.push("kubelet-arg: [max-pods=50]");
        }
        if self.says(Switch::K3sSecret) && self.etcd {
            k3s.push("etcd-s3-secret-key: {env: S3}");
        }
        if self.says(Switch::Motd) {
            os.push("motd: hello");
        }
        if self.says(Switch::Sysctl) {
            os.push("sysctls: {vm.swappiness: 10}");
        }
        if self.says(Switch::Package) {
            os.push("packages: [jq]");
        }
        if self.says(Switch::Service) {
            os.push("services: [{name: nginx, enabled: false, running: false}]");
        }
        if self.says(Switch::Module) {
            os.push("modules: [ip_vs]");
        }
        if self.says(Switch::File) {
            files.push("{path: /etc/issue.net, content: hello}");
        }
        if self.says(Switch::Secret) {
            files.push("{path: /etc/app/password, secret: {env: PASSWORD}}");
        }
        if self.says(Switch::Shut) {
            files.push(
                "{path: /etc/ssh/sshd_config.d/20-mine.conf, content: \"DenyUsers root\\n\", mode: \"0600\"}",
            );
        }
        let files = format!("files: [{}]", files.join(", "));
        os.push(&files);
        let more = format!(
            "kubernetes: {{version: {}, datastore: {}, config: {{{}}}}}\nos: {{{}}}",
            VERSIONS[self.version],
            if self.etcd { "etcd" } else { "sqlite" },
            k3s.join(", "),
            os.join(", "),
        );
        let mut text = file(0, 0, &more);
        for n in (0..self.named.len()).filter(|n| self.named[*n]) {
            let role = if n < self.servers { "server" } else { "agent" };
            let label = match (self.labelled.contains(&n), role) {
                (true, "agent") => ", labels: {zone: home}, taints: [\"dedicated=db:NoSchedule\"]",
                (true, _) => ", labels: {zone: home}",
                (false, _) => "",
            };
            let (name, last) = (self.machine(n), n + 1);
            writeln!(text, "    - {{name: {name}, role: {role}, ssh: root@10.0.0.{last}{label}}}").unwrap();
        }
        text
    }
}

/// Whether the cluster has a majority of voting, ready members without this one, all of them servers of the file.
pub(crate) fn can_be_spared(stage: &Stage, host: &NodeName) -> bool {
    let nodes = stage.look().kube.nodes;
    let members = nodes.values().filter(|node| node.voter.is_some()).count();
    let healthy = nodes
        .iter()
        .filter(|(name, node)| name.as_str() != host.as_str() && node.voter == Some(true) && node.ready);
    let is_member = nodes.get(host.as_str()).is_some_and(|node| node.voter.is_some());
    if is_member { healthy.count() > members / 2 } else { members > 0 }
}
