//! The text of a new cluster file.
//!
//! Owns: its layout and comments. Must not: judge; the text goes through the same checks as any cluster file.

use std::{collections::BTreeMap, fmt::Write as _};

use model::{ClusterName, NodeName, Role, Version};
use serde_json::Value;
use spec::cluster::HostKey;

/// What a new cluster file says. Sections are keys with values, which are written as JSON: YAML reads that too.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) name: ClusterName,
    pub(crate) version: Version,
    /// Further keys of `kubernetes`.
    pub(crate) kubernetes: Vec<(&'static str, Value)>,
    /// Keys of `network`.
    pub(crate) network: Vec<(&'static str, Value)>,
    pub(crate) nodes: Vec<DraftNode>,
    /// Whether it describes a cluster that is there already.
    pub(crate) adopted: bool,
}

/// One node of a new cluster file.
#[derive(Clone, Debug)]
pub(crate) struct DraftNode {
    pub(crate) name: NodeName,
    pub(crate) role: Role,
    /// As it stands in the file: `[user@]address[:port]` or an alias.
    pub(crate) ssh: String,
    pub(crate) host_key: Option<HostKey>,
    /// Further keys of the node.
    pub(crate) more: BTreeMap<&'static str, Value>,
}

/// The text.
pub(crate) fn text(draft: &Draft) -> String {
    let mut out = "\
# yaml-language-server: $schema=./coracle.schema.json
# `coracle schema > coracle.schema.json` writes that schema for your editor.
"
    .to_owned();
    out.push_str(if draft.adopted {
        "# Read from a k3s that is there already. `coracle plan` and `coracle status` look at it; what coracle did not\n\
         # install, `apply` refuses to take over.\n"
    } else {
        "# `coracle rehearse` tries this file out, `coracle plan` shows what it would change.\n"
    });
    let _ = write!(
        out,
        "apiVersion: coracle.dev/v1alpha1\nkind: Cluster\nmetadata:\n  name: {}\nspec:\n  kubernetes:\n    version: {}\n",
        draft.name, draft.version
    );
    section(&mut out, "    ", &draft.kubernetes);
    if !draft.network.is_empty() {
        out.push_str("  network:\n");
        section(&mut out, "    ", &draft.network);
    }
    out.push_str("  nodes:\n");
    for node in &draft.nodes {
        let (name, role, ssh) = (&node.name, node.role.as_str(), plain(&node.ssh));
        let _ = writeln!(out, "    - name: {name}\n      role: {role}\n      ssh: {ssh}");
        if let Some(key) = &node.host_key {
            let _ = writeln!(out, "      hostKey: \"{} {}\"", key.algorithm, key.base64);
        }
        for (key, value) in &node.more {
            let _ = writeln!(out, "      {key}: {}", shown(value));
        }
    }
    out
}

fn section(out: &mut String, indent: &str, entries: &[(&'static str, Value)]) {
    for (key, value) in entries {
        let _ = writeln!(out, "{indent}{key}: {}", shown(value));
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => plain(text),
        other => other.to_string(),
    }
}

/// Plain where YAML cannot take it for anything else.
fn plain(text: &str) -> String {
    let safe = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "@._-/".contains(c))
        && !matches!(text, "true" | "false" | "null" | "yes" | "no" | "on" | "off");
    if safe { text.to_owned() } else { serde_json::to_string(text).expect("text always serialises") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_composed_passes_every_check_and_says_the_same() {
        let node = |name: &str, role, ssh: &str| DraftNode {
            name: name.parse().expect("a good name"),
            role,
            ssh: ssh.to_owned(),
            host_key: None,
            more: BTreeMap::new(),
        };
        let mut draft = Draft {
            name: "harbor".parse().expect("a good name"),
            version: spec::k3s::release::DEFAULT,
            kubernetes: vec![
                ("datastore", json!("etcd")),
                ("config", json!({"kubelet-arg": ["max-pods=50"]})),
            ],
            network: vec![("nodeNetwork", json!({"lan": {"cidr": "192.168.1.0/24"}}))],
            nodes: vec![
                node("harbor-1", Role::Server, "root@192.168.1.11"),
                node("harbor-2", Role::Agent, "root@[fd00::2]:2222"),
            ],
            adopted: false,
        };
        draft.nodes[1].more.insert("labels", json!({"zone": "home"}));
        let parsed = spec::parse(&text(&draft), &|_| None);
        assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
        let nodes = &parsed.clusters[0].nodes;
        let read: Vec<_> = nodes.iter().map(|node| node.ssh.to_string()).collect();
        assert_eq!(read, ["root@192.168.1.11", "root@[fd00::2]:2222"]);
        assert_eq!((nodes[1].role, nodes[1].labels["zone"].as_str()), (Role::Agent, "home"));
    }
}
