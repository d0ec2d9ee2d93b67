//! Cluster files, as stories need them.

use std::fmt::Write as _;

use crate::lab::{Host, Lab};

/// A cluster file in the making.
#[derive(Clone)]
pub(crate) struct ClusterFile {
    name: String,
    mirror: String,
    lan: String,
    version: String,
    nodes: Vec<(String, String)>,
    /// Further lines of `kubernetes` and `os`, each a key with its value.
    kubernetes: Vec<String>,
    os: Vec<String>,
}

impl ClusterFile {
    pub(crate) fn new(lab: &Lab, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            mirror: lab.at("/mirror"),
            lan: lab.at("/network/cidr"),
            version: "v1.36.4+k3s1".to_owned(),
            nodes: Vec::new(),
            kubernetes: Vec::new(),
            os: Vec::new(),
        }
    }

    pub(crate) fn server(self, user: &str, host: &Host) -> Self {
        self.node("server", user, host)
    }

    pub(crate) fn agent(self, user: &str, host: &Host) -> Self {
        self.node("agent", user, host)
    }

    fn node(mut self, role: &str, user: &str, host: &Host) -> Self {
        let name = &host.name;
        self.nodes.push((name.clone(), format!("{{name: {name}, role: {role}, ssh: \"{user}@{name}\"}}")));
        self
    }

    pub(crate) fn without(mut self, host: &Host) -> Self {
        self.nodes.retain(|(name, _)| *name != host.name);
        self
    }

    pub(crate) fn version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    /// Hosts get their artefacts below this path of the mirror.
    pub(crate) fn mirror(mut self, path: &str) -> Self {
        self.mirror += path;
        self
    }

    pub(crate) fn kubernetes(mut self, line: &str) -> Self {
        self.kubernetes.push(line.to_owned());
        self
    }

    pub(crate) fn os(mut self, line: &str) -> Self {
        self.os.push(line.to_owned());
        self
    }

    pub(crate) fn text(&self) -> String {
        let Self { name, mirror, lan, version, .. } = self;
        let mut text = format!(
            "apiVersion: coracle.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: {name}}}\nspec:\n  \
             artifacts: {{source: {{mirror: \"{mirror}\"}}}}\n  network: {{nodeNetwork: {{lan: {{cidr: {lan}}}}}}}\n  \
             kubernetes:\n    version: {version}\n"
        );
        let mut section = |head: &str, lines: &[String], indent: &str| {
            if !lines.is_empty() {
                text.push_str(head);
            }
            for line in lines {
                writeln!(text, "{indent}{line}").unwrap();
            }
        };
        section("", &self.kubernetes, "    ");
        let nodes: Vec<_> = self.nodes.iter().map(|(_, node)| format!("- {node}")).collect();
        section("  nodes:\n", &nodes, "    ");
        section("  os:\n", &self.os, "    ");
        text
    }
}
