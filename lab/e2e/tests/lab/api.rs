//! The real API, asked with kubectl and what `coracle kubeconfig` prints.

use std::process::Command;

use serde_json::Value;

use crate::operator::Operator;

/// A cluster's API as its administrator sees it.
pub(crate) struct Api<'a> {
    operator: &'a Operator,
}

impl<'a> Api<'a> {
    /// Fetches the kubeconfig, and keeps it where no transcript is.
    pub(crate) fn of(operator: &'a Operator) -> Self {
        Self::of_asking(operator, "")
    }

    /// The same where a host wants this password for sudo.
    pub(crate) fn of_asking(operator: &'a Operator, password: &str) -> Self {
        let text = operator.printed_kubeconfig(password);
        operator.write("home/admin.kubeconfig", &text);
        Self { operator }
    }

    /// What `kubectl ARGS -o json` prints.
    pub(crate) fn get(&self, args: &[&str]) -> Value {
        let text = self.kubectl(&[args, &["-o", "json"]].concat()).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// kubectl's output, or its complaint.
    pub(crate) fn kubectl(&self, args: &[&str]) -> Result<String, String> {
        let kubectl = format!("{}/kubectl", self.operator.lab.at("/assets"));
        let config = self.operator.path("home/admin.kubeconfig");
        let done = Command::new(kubectl)
            .args(args)
            .args(["--request-timeout=20s", "--kubeconfig"])
            .arg(config)
            .env("HOME", self.operator.path("home"))
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) }
    }

    /// Every node with what is to be known of it.
    pub(crate) fn nodes(&self) -> Vec<Node> {
        let list = self.get(&["get", "nodes"]);
        list["items"].as_array().unwrap().iter().map(Node::read).collect()
    }

    /// Every node is Ready, and these are all.
    #[track_caller]
    pub(crate) fn all_ready(&self, names: &[&str]) {
        let nodes = self.nodes();
        let found: Vec<_> = nodes.iter().map(|node| node.name.as_str()).collect();
        let mut names = names.to_vec();
        names.sort_unstable();
        assert_eq!(found, names, "the nodes of the cluster");
        assert!(nodes.iter().all(|node| node.ready), "{nodes:?}");
    }
}

/// A Node object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) ready: bool,
    /// `None` without etcd.
    pub(crate) votes: Option<bool>,
    pub(crate) version: String,
    pub(crate) uid: String,
}

impl Node {
    fn read(node: &Value) -> Self {
        let text =
            |pointer: &str| node.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let conditions = node["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let condition =
            |kind: &str| conditions.iter().find(|c| c["type"] == kind).map(|c| c["status"] == "True");
        Self {
            name: text("/metadata/name"),
            ready: condition("Ready") == Some(true),
            votes: condition("EtcdIsVoter"),
            version: text("/status/nodeInfo/kubeletVersion"),
            uid: text("/metadata/uid"),
        }
    }
}
