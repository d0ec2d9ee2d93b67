//! Values from closed lists.
//!
//! Owns: the words of each list, and what to say about words that once were or will be in it.

use serde_json::{Value as Json, json};

use super::{
    reader::{nearest, section},
    shape::Shape,
    text::{Text, Wrong},
};
use crate::{
    cluster::{Component, Effect, FlannelBackend, Role, RootLogin, SecretRef},
    diagnostic::{Code, Sink},
    yaml::{Node, Value},
};

/// A type whose values are words of a closed list.
pub(crate) trait Choice: Copy + 'static {
    /// "a role: server or agent".
    const WHAT: &'static str;
    const WORDS: &'static [(&'static str, Self)];

    /// What to say about a word outside the list, where there is more to say than a list of words.
    fn outside(_word: &str) -> Option<Wrong> {
        None
    }
}

impl<T: Choice> Text for T {
    const WHAT: &'static str = <T as Choice>::WHAT;

    fn read(text: &str) -> Result<Self, Wrong> {
        if let Some((_, value)) = T::WORDS.iter().find(|(word, _)| *word == text) {
            return Ok(*value);
        }
        Err(T::outside(text).unwrap_or_else(|| {
            let wrong = Wrong::new(Code::UnknownValue, "is not one of its values");
            match nearest(text, T::WORDS.iter().map(|(word, _)| *word)) {
                Some(near) => wrong.help(format!("did you mean `{near}`?")),
                None => wrong,
            }
        }))
    }

    fn schema() -> Json {
        let words: Vec<_> = T::WORDS.iter().map(|(word, _)| *word).collect();
        json!({"type": "string", "enum": words})
    }
}

fn later(why: &str) -> Wrong {
    Wrong::new(Code::NotInThisVersion, why).help("remove it until a later version carries it out")
}

impl Choice for Role {
    const WHAT: &'static str = "server or agent";
    const WORDS: &'static [(&'static str, Self)] = &[("server", Self::Server), ("agent", Self::Agent)];

    fn outside(word: &str) -> Option<Wrong> {
        let near = match word {
            "master" | "control-plane" | "controlplane" | "controller" | "primary" => "server",
            "worker" | "node" | "compute" => "agent",
            _ => return None,
        };
        let wrong = Wrong::new(Code::UnknownValue, "is not one of its values");
        Some(wrong.help(format!("k3s calls it `{near}`")))
    }
}

/// `network.cni`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CniName {
    Flannel,
    Calico,
    Cilium,
    None,
}

impl CniName {
    pub(crate) fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(_, cni)| *cni == self).map_or("none", |(word, _)| word)
    }
}

impl Choice for CniName {
    const WHAT: &'static str = "flannel, calico, cilium or none";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("flannel", Self::Flannel),
        ("calico", Self::Calico),
        ("cilium", Self::Cilium),
        ("none", Self::None),
    ];
}

impl Choice for FlannelBackend {
    const WHAT: &'static str = "vxlan, host-gw or wireguard-native";
    const WORDS: &'static [(&'static str, Self)] =
        &[("vxlan", Self::Vxlan), ("host-gw", Self::HostGw), ("wireguard-native", Self::WireguardNative)];

    fn outside(word: &str) -> Option<Wrong> {
        let help = match word {
            "wireguard" => "write `wireguard-native`, which k3s has had in its place since v1.23",
            "ipsec" => "write `wireguard-native`, the encrypted backend that k3s still has",
            "udp" | "hostgw" | "host-gateway" => {
                "write `vxlan`, or `host-gw` where all nodes share one layer-2 network"
            }
            "none" => {
                return Some(
                    Wrong::new(Code::UnknownValue, "is not a backend").help("write `cni: none` instead"),
                );
            }
            _ => return None,
        };
        Some(Wrong::new(Code::LegacyFlannelBackend, "is a backend that k3s no longer has").help(help))
    }
}

impl Choice for Component {
    const WHAT: &'static str = "coredns, servicelb, traefik, local-storage, metrics-server or runtimes";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("coredns", Self::Coredns),
        ("servicelb", Self::Servicelb),
        ("traefik", Self::Traefik),
        ("local-storage", Self::LocalStorage),
        ("metrics-server", Self::MetricsServer),
        ("runtimes", Self::Runtimes),
    ];
}

impl Choice for RootLogin {
    const WHAT: &'static str = "prohibit-password, \"no\" or \"yes\"";
    const WORDS: &'static [(&'static str, Self)] =
        &[("prohibit-password", Self::ProhibitPassword), ("no", Self::No), ("yes", Self::Yes)];
}

impl Choice for Effect {
    const WHAT: &'static str = "NoSchedule, PreferNoSchedule or NoExecute";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("NoSchedule", Self::NoSchedule),
        ("PreferNoSchedule", Self::PreferNoSchedule),
        ("NoExecute", Self::NoExecute),
    ];
}

/// `kubernetes.distribution`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Distribution;

impl Choice for Distribution {
    const WHAT: &'static str = "k3s";
    const WORDS: &'static [(&'static str, Self)] = &[("k3s", Self)];

    fn outside(word: &str) -> Option<Wrong> {
        (word == "vanilla").then(|| later("is not part of this version of coracle"))
    }
}

/// `kubernetes.datastore`.
#[derive(Clone, Debug)]
pub(crate) enum Datastore {
    Sqlite,
    Etcd,
    External(SecretRef),
}

#[derive(Clone, Copy)]
struct Embedded(bool);

impl Choice for Embedded {
    const WHAT: &'static str = "sqlite, etcd or {external: {endpoint: {env: NAME}}}";
    const WORDS: &'static [(&'static str, Self)] = &[("sqlite", Self(false)), ("etcd", Self(true))];

    fn outside(word: &str) -> Option<Wrong> {
        let help = "write {external: {endpoint: {env: NAME}}}; the address carries a password";
        word.contains("://").then(|| Wrong::secret("is an address with credentials").help(help))
    }
}

section! {
    /// A database elsewhere.
    External {
        /// The database's address with its password, as a reference.
        endpoint: required "endpoint" SecretRef,
    }
}

section! {
    /// A datastore that is not on the servers.
    Outside {
        /// A database elsewhere.
        external: required "external" External,
    }
}

impl Shape for Datastore {
    const WHAT: &'static str = <Embedded as Choice>::WHAT;

    fn decode(node: &Node, key: &str, sink: &mut Sink<'_>) -> Option<Self> {
        if let Value::Map(_) = node.value {
            let outside = Outside::decode(node, key, sink)?;
            let endpoint = outside.external.get().and_then(|external| external.endpoint.get())?;
            return Some(Self::External(endpoint.clone()));
        }
        let Embedded(etcd) = Embedded::decode(node, key, sink)?;
        Some(if etcd { Self::Etcd } else { Self::Sqlite })
    }

    fn schema() -> Json {
        json!({"anyOf": [<Embedded as Shape>::schema(), Outside::schema()]})
    }
}
