//! Ports that k3s keys choose, against each other and everything else that listens on a node.

use std::collections::BTreeMap;

use super::{Configs, View};
use crate::{
    cluster::{Component, ConfigValue},
    diagnostic::{Code, Diagnostic, Sink, Span},
    k3s::ports::{ALWAYS, API, ETCD, INGRESS, KUBE_PROXY, LOAD_BALANCER, NODE_PORTS, REGISTRY},
    raw::{Config, Field},
};

/// Keys that open a port, with k3s's defaults and who listens.
const MOVABLE: [(&str, u16, &str); 2] =
    [("https-listen-port", API, "the API server"), ("lb-server-port", LOAD_BALANCER, "k3s's load balancer")];

const RANGE: &str = "service-node-port-range";

/// The ports of one place of the file: the cluster's, or a node's over the cluster's.
struct Scope<'a> {
    view: &'a View<'a>,
    values: BTreeMap<&'a str, &'a ConfigValue>,
    /// Where each key stands, innermost first.
    configs: Vec<&'a Config>,
}

/// A port that is in use.
struct Taken {
    port: u16,
    at: Option<Span>,
    who: String,
}

pub(super) fn check(view: &View<'_>, configs: &Configs, sink: &mut Sink<'_>) {
    let cluster = view.kubernetes.and_then(|kubernetes| kubernetes.config.get());
    let values: BTreeMap<_, _> = configs.cluster.iter().map(|(key, value)| (key.as_str(), value)).collect();
    Scope { view, values: values.clone(), configs: cluster.into_iter().collect() }.check(None, sink);
    for (node, own) in view.nodes.iter().zip(&configs.nodes) {
        let Field::Given(config) = &node.raw.config else { continue };
        let mut values = values.clone();
        values.extend(own.iter().map(|(key, value)| (key.as_str(), value)));
        let configs = std::iter::once(&config.value).chain(cluster).collect();
        Scope { view, values, configs }.check(Some(config.span), sink);
    }
}

impl Scope<'_> {
    /// Reports clashes; with a part of the file, only those that it takes part in.
    fn check(&self, part: Option<Span>, sink: &mut Sink<'_>) {
        let concerns = |at: Span| part.is_none_or(|part| part.start <= at.start && at.end <= part.end);
        let chosen: Vec<Taken> =
            MOVABLE.iter().filter_map(|movable| self.chosen(movable, concerns, sink)).collect();
        let others = self.others();
        for (nth, one) in chosen.iter().enumerate() {
            let rest = chosen[..nth].iter().chain(&others);
            for other in rest.filter(|other| other.port == one.port) {
                clash(one, other, concerns, sink);
            }
        }
        self.range(&chosen, &others, concerns, sink);
    }

    fn place(&self, key: &str) -> Option<Span> {
        let mut entries = self.configs.iter().flat_map(|config| &config.0);
        entries.find(|(written, _)| written.value == key).map(|(_, node)| node.span)
    }

    fn chosen(
        &self,
        (key, default, who): &(&str, u16, &str),
        concerns: impl Fn(Span) -> bool,
        sink: &mut Sink<'_>,
    ) -> Option<Taken> {
        let at = self.place(key);
        let Some(ConfigValue::Int(given)) = self.values.get(key) else {
            return Some(Taken { port: *default, at, who: (*who).to_owned() });
        };
        if let Some(port) = u16::try_from(*given).ok().filter(|port| *port > 0) {
            return Some(Taken { port, at, who: (*who).to_owned() });
        }
        let message = format!("`{key}` is {given}, which is no port");
        let diagnostic = Diagnostic::error(Code::InvalidPort, message).at(at.filter(|at| concerns(*at))?, "");
        sink.push(diagnostic.help(format!("write a number from 1 to 65535; k3s's default is {default}")));
        None
    }

    /// Listeners whose ports no key moves.
    fn others(&self) -> Vec<Taken> {
        let disabled = self.view.kubernetes.and_then(|kubernetes| kubernetes.disable.get());
        let off =
            |component| disabled.is_some_and(|list| list.items.iter().any(|item| item.value == component));
        let ingress = !off(Component::Traefik) && !off(Component::Servicelb);
        let registry = self.values.get("embedded-registry") == Some(&&ConfigValue::Bool(true));
        let etcd = if self.view.etcd() { ETCD.as_slice() } else { &[] };
        let proxy = if self.view.kube_proxy() { KUBE_PROXY.as_slice() } else { &[] };
        let ingress = if ingress { INGRESS.as_slice() } else { &[] };
        let registry = registry.then_some(REGISTRY);
        let all = ALWAYS.iter().chain(etcd).chain(proxy).chain(ingress).copied().chain(registry);
        let sshd = Taken { port: 22, at: None, who: "sshd".to_owned() };
        let taken =
            all.map(|listener| Taken { port: listener.port, at: None, who: listener.what.to_owned() });
        taken.chain([sshd]).collect()
    }

    fn range(
        &self,
        chosen: &[Taken],
        others: &[Taken],
        concerns: impl Fn(Span) -> bool,
        sink: &mut Sink<'_>,
    ) {
        let at = self.place(RANGE);
        let given = match self.values.get(RANGE) {
            Some(ConfigValue::Text(text)) => node_ports(text),
            _ => Some(NODE_PORTS),
        };
        let Some((low, high)) = given else {
            let Some(at) = at.filter(|at| concerns(*at)) else { return };
            let message = format!("`{RANGE}` is no range of ports");
            let diagnostic = Diagnostic::error(Code::InvalidPort, message).at(at, "");
            return sink.push(diagnostic.help("write two ports joined by `-`, as in 30000-32767"));
        };
        for taken in chosen.iter().chain(others).filter(|taken| (low..=high).contains(&taken.port)) {
            let range = Taken { port: taken.port, at, who: format!("NodePort services ({low}-{high})") };
            clash(&range, taken, &concerns, sink);
        }
    }
}

fn clash(one: &Taken, other: &Taken, concerns: impl Fn(Span) -> bool, sink: &mut Sink<'_>) {
    let mut places = [one, other].into_iter().filter_map(|taken| Some((taken.at?, taken.who.as_str())));
    let Some((at, who)) = places.next() else { return };
    let rest: Vec<_> = places.collect();
    if !concerns(at) && !rest.iter().any(|(at, _)| concerns(*at)) {
        return;
    }
    let message = format!("port {} is taken by {} and by {}", one.port, other.who, one.who);
    let diagnostic = Diagnostic::error(Code::PortClash, message).at(at, who).help("choose another port");
    sink.push(rest.into_iter().fold(diagnostic, |found, (at, who)| found.at(at, who)));
}

fn node_ports(text: &str) -> Option<(u16, u16)> {
    let (low, high) = text.split_once('-')?;
    let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0);
    let (low, high) = (port(low)?, port(high)?);
    (low <= high).then_some((low, high))
}
