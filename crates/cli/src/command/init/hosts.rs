//! From hosts as people type them to nodes.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use model::{ClusterName, NodeName, Role};

use super::compose::DraftNode;
use crate::failure::Failure;

/// A node for every word; the first `servers` of them are servers. Names come from the word, else from the host's
/// own name, else from the cluster's.
pub(super) fn nodes(
    cluster: &ClusterName,
    words: &[String],
    servers: usize,
) -> Result<Vec<DraftNode>, Failure> {
    let mut taken = BTreeSet::new();
    let mut nodes = Vec::new();
    for (nth, word) in words.iter().enumerate() {
        let (given, ssh) = match word.split_once('=') {
            Some((name, ssh)) => (Some(name), ssh),
            None => (None, word.as_str()),
        };
        let name: NodeName = match given {
            Some(name) => {
                name.parse().map_err(|why| Failure::usage(format!("the node's name {name:?} {why}")))?
            }
            None => own_name(ssh)
                .filter(|name| !taken.contains(name))
                .map_or_else(|| numbered(cluster, nth), Ok)?,
        };
        if !taken.insert(name.clone()) {
            return Err(Failure::usage(format!("two hosts are called {name}"))
                .hint("name them yourself: NAME=USER@ADDRESS"));
        }
        let role = if nth < servers { Role::Server } else { Role::Agent };
        nodes.push(DraftNode { name, role, ssh: ssh.to_owned(), host_key: None, more: BTreeMap::new() });
    }
    Ok(nodes)
}

/// The first label of a host that has a name, where it can be a node's.
fn own_name(ssh: &str) -> Option<NodeName> {
    let host = ssh.rsplit_once('@').map_or(ssh, |(_, host)| host);
    let host = host.split_once(':').map_or(host, |(host, _)| host);
    if host.parse::<IpAddr>().is_ok() || host.starts_with('[') {
        return None;
    }
    host.split('.').next()?.to_ascii_lowercase().parse().ok()
}

fn numbered(cluster: &ClusterName, nth: usize) -> Result<NodeName, Failure> {
    let name = format!("{cluster}-{}", nth + 1);
    name.parse().map_err(|why| Failure::usage(format!("the node's name {name:?} {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(words: &[&str]) -> Vec<String> {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        let cluster = "harbor".parse().expect("a good name");
        let nodes = nodes(&cluster, &words, 1).expect("good hosts");
        nodes.into_iter().map(|node| format!("{} {} {}", node.name, node.role.as_str(), node.ssh)).collect()
    }

    #[test]
    fn names_come_from_the_word_then_the_host_then_the_cluster() {
        let named = names(&["a=root@10.0.0.1", "pi@Kitchen.local:22", "10.0.0.3", "root@[fd00::1]:22"]);
        let expected = [
            "a server root@10.0.0.1",
            "kitchen agent pi@Kitchen.local:22",
            "harbor-3 agent 10.0.0.3",
            "harbor-4 agent root@[fd00::1]:22",
        ];
        assert_eq!(named, expected);
    }
}
