//! The document and its sections, key by key.
//!
//! Owns: names, types and descriptions of keys; the descriptions become the JSON Schema's. Must not: hold rules.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value as Json, json};

use super::{
    choice::{CniName, Datastore, Distribution},
    k3s::Config,
    os::{Os, TaintEntry},
    reader::section,
    shape::{DOCUMENT, List, MapOf, OneOrMany, Shape, or_variable},
    source::Source,
};
use crate::{
    cluster::{Component, FlannelBackend, HostKey, Role, SshTarget, Version},
    diagnostic::{Code, Diagnostic, Sink, quote},
    name::{ClusterName, DnsName, NodeName},
    yaml::Node as Tree,
};

section! {
    /// A cluster: its machines, its Kubernetes, and how they are set up.
    Document {
        /// The version of this format: coracle.dev/v1alpha1.
        api_version: required "apiVersion" ApiVersion,
        /// What the document describes: Cluster.
        kind: required "kind" Kind,
        /// What the cluster is called.
        metadata: required "metadata" Metadata,
        /// What the cluster should be.
        spec: required "spec" Spec,
    }
}

section! {
    /// What the cluster is called.
    Metadata {
        /// The cluster's name: one DNS label without two hyphens in a row. Contexts and node names derive from it.
        name: required "name" ClusterName,
    }
}

section! {
    /// What the cluster should be.
    Spec {
        /// The DNS domain of the cluster.
        domain: optional "domain" DnsName,
        /// What Kubernetes to run and how.
        kubernetes: optional "kubernetes" Kubernetes,
        /// Address ranges, CNI, and the network between nodes.
        network: optional "network" Network,
        /// The machines. A single one is a server and named after the cluster unless it says otherwise.
        nodes: required "nodes" Nodes,
        /// The operating-system baseline and your own additions to it.
        os: optional "os" Os,
        /// Where hosts get binaries from.
        artifacts: optional "artifacts" Artifacts,
    }
    later ["ingress", "certificates", "gitops", "secrets", "storage", "backup", "monitoring", "sites", "cloud"]
}

section! {
    /// What Kubernetes to run and how.
    Kubernetes {
        /// The distribution; k3s is the only one.
        distribution: optional "distribution" Distribution,
        /// The k3s release, by default v1.36.4+k3s1.
        version: optional "version" Version,
        /// Where the control plane keeps its objects: sqlite (default for one server), etcd (default for more), or a database elsewhere.
        datastore: optional "datastore" Datastore,
        /// A DNS name that resolves to the servers; it stands in their certificates from the first day.
        api_name: optional "apiName" DnsName,
        /// Whether Secrets are encrypted in the datastore; true by default.
        secrets_encryption: optional "secretsEncryption" bool,
        /// Packaged components that are not deployed.
        disable: optional "disable" List<Component>,
        /// Further k3s keys, as k3s's own configuration file writes them.
        config: optional "config" Config,
    }
}

section! {
    /// Address ranges, CNI, and the network between nodes.
    Network {
        /// Range of pod addresses, by default 10.42.0.0/16; two of different families make the cluster dual-stack.
        pod_cidr: optional "podCidr" OneOrMany<IpNet>,
        /// Range of service addresses, by default 10.43.0.0/16; as many as pod ranges, in the same order.
        service_cidr: optional "serviceCidr" OneOrMany<IpNet>,
        /// The plug-in that gives pods their network; flannel by default, the others you install yourself.
        cni: optional "cni" CniName,
        /// How flannel carries packets between nodes; vxlan by default.
        flannel_backend: optional "flannelBackend" FlannelBackend,
        /// Whether k3s runs kube-proxy; true by default.
        kube_proxy: optional "kubeProxy" bool,
        /// Whether k3s runs its own network-policy controller; by default with flannel only.
        network_policy: optional "networkPolicy" bool,
        /// The network that nodes reach each other on.
        node_network: optional "nodeNetwork" NodeNetwork,
    }
    later ["firewall"]
}

section! {
    /// The network that nodes reach each other on.
    NodeNetwork {
        /// A network that exists already.
        lan: optional "lan" Lan,
    }
    later ["wireguard", "tailscale"]
}

section! {
    /// A network that exists already.
    Lan {
        /// Its range; a node's address is the one that lies in it.
        cidr: optional "cidr" IpNet,
    }
}

/// The machines.
pub(crate) type Nodes = List<Node>;

section! {
    /// One machine.
    Node {
        /// Its name here and in Kubernetes.
        name: optional "name" NodeName,
        /// Whether it runs the control plane (server) or pods only (agent).
        role: optional "role" Role,
        /// How it is reached: user@address, user@address:port, or a Host alias of your ssh configuration.
        ssh: required "ssh" SshTarget,
        /// Its public SSH host key, as known_hosts writes it.
        host_key: optional "hostKey" HostKey,
        /// Its address in the node network, where it has several.
        address: optional "address" IpAddr,
        /// The address that reaches it from outside the node network.
        external_address: optional "externalAddress" IpAddr,
        /// Labels of its Node object.
        labels: optional "labels" MapOf<String>,
        /// Taints of its Node object.
        taints: optional "taints" List<TaintEntry>,
        /// Further k3s keys for this node alone; they win over the cluster's.
        config: optional "config" Config,
    }
}

section! {
    /// Where hosts get binaries from.
    Artifacts {
        /// release (the project's own page, the default), upload (sent from your machine), or a mirror.
        source: optional "source" Source,
    }
}

macro_rules! constant {
    ($(#[doc = $doc:literal])* $name:ident $word:expr) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $name;

        impl Shape for $name {
            const WHAT: &'static str = $word;

            fn decode(node: &Tree, key: &str, sink: &mut Sink<'_>) -> Option<Self> {
                if node.text() == Some($word) {
                    return Some(Self);
                }
                let found = node.text().map_or_else(|| node.what().to_owned(), quote);
                let message = format!("`{key}` is {found}, not `{}`", $word);
                sink.push(Diagnostic::error(Code::UnknownValue, message).at(node.span, "").help(concat!("write ", $word)));
                None
            }

            fn schema() -> Json {
                or_variable(&json!({"const": $word}))
            }
        }
    };
}

constant! {
    /// The version of this format.
    ApiVersion "coracle.dev/v1alpha1"
}
constant! {
    /// The only kind.
    Kind "Cluster"
}

/// Reads one document. A kind of a later version is reported as such and nothing else is said about it.
pub(crate) fn document(tree: &Tree, sink: &mut Sink<'_>) -> Option<Document> {
    if let Some(kind) = tree.get("kind").filter(|kind| kind.text() == Some("Endpoint")) {
        let message = "`kind: Endpoint` is not part of this version of coracle";
        let diagnostic = Diagnostic::error(Code::NotInThisVersion, message).at(kind.span, "");
        sink.push(diagnostic.help("remove the document until a later version carries it out"));
        return None;
    }
    Document::decode(tree, DOCUMENT, sink)
}
