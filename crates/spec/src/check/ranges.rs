//! Address ranges: families, sizes, and overlaps with each other and with nodes.

use std::net::IpAddr;

use ipnet::IpNet;

use super::View;
use crate::{
    diagnostic::{Code, Diagnostic, Sink, Span},
    raw::{Field, OneOrMany},
};

/// Pod and service ranges by default, as k3s has them.
pub(crate) const POD: &str = "10.42.0.0/16";
/// See [`POD`].
pub(crate) const SERVICE: &str = "10.43.0.0/16";

/// A range and where it stands; a default stands nowhere.
struct Range {
    net: IpNet,
    at: Option<Span>,
    what: &'static str,
}

pub(super) fn check(view: &View<'_>, sink: &mut Sink<'_>) {
    let network = view.network;
    let pods = ranges(network.map(|network| &network.pod_cidr), POD, "podCidr");
    let services = ranges(network.map(|network| &network.service_cidr), SERVICE, "serviceCidr");
    let (Some(pods), Some(services)) = (pods, services) else { return };
    if !families(&pods, &services, sink) {
        return;
    }
    sizes(view, &pods, &services, sink);
    let inside: Vec<_> = pods.iter().chain(&services).collect();
    for (nth, one) in inside.iter().enumerate() {
        inside[nth + 1..].iter().for_each(|other| overlap(one, other, sink));
    }
    let lan = lan(view);
    if let Some(lan) = &lan {
        for range in &inside {
            overlap(range, lan, sink);
        }
    }
    addresses(view, &inside, lan.as_ref(), sink);
    node_families(view, &pods, sink);
}

/// The service ranges, given or by default; `None` where they are not readable.
pub(super) fn services(view: &View<'_>) -> Option<Vec<IpNet>> {
    let ranges = ranges(view.network.map(|network| &network.service_cidr), SERVICE, "serviceCidr")?;
    Some(ranges.into_iter().map(|range| range.net).collect())
}

/// `None` where a range is not readable, so that nothing is said by halves.
fn ranges(field: Option<&Field<OneOrMany<IpNet>>>, default: &str, what: &'static str) -> Option<Vec<Range>> {
    match field {
        None | Some(Field::Absent) => {
            Some(vec![Range { net: default.parse().expect("the defaults are ranges"), at: None, what }])
        }
        Some(Field::Bad) => None,
        Some(Field::Given(list)) => {
            let range =
                |item: &crate::raw::Spanned<IpNet>| Range { net: item.value, at: Some(item.span), what };
            list.value.0.complete.then(|| list.value.0.items.iter().map(range).collect())
        }
    }
}

fn lan(view: &View<'_>) -> Option<Range> {
    let lan = view.network?.node_network.get()?.lan.get()?;
    lan.cidr.spanned().map(|cidr| Range {
        net: cidr.value,
        at: Some(cidr.span),
        what: "nodeNetwork.lan.cidr",
    })
}

/// One range, or two of different families; pods and services alike. Returns whether it is so.
fn families(pods: &[Range], services: &[Range], sink: &mut Sink<'_>) -> bool {
    let v4 = |ranges: &[Range]| ranges.iter().map(|range| range.net.addr().is_ipv4()).collect::<Vec<_>>();
    for ranges in [pods, services] {
        let families = v4(ranges);
        if ranges.is_empty() || ranges.len() > 2 || ranges.len() == 2 && families[0] == families[1] {
            let at = ranges.last().and_then(|range| range.at).unwrap_or_default();
            let what = ranges.first().map_or("a list of ranges", |range| range.what);
            let message = format!("`{what}` takes one range, or one of IPv4 and one of IPv6");
            let diagnostic = Diagnostic::error(Code::CidrFamily, message).at(at, "");
            sink.push(diagnostic.help("write one range, or [10.42.0.0/16, \"fd42::/56\"]"));
            return false;
        }
    }
    let places: Vec<_> = [pods, services].iter().filter_map(|ranges| ranges[0].at).collect();
    if v4(pods) != v4(services) {
        let message = "`podCidr` and `serviceCidr` must have the same address families in the same order";
        let diagnostic = Diagnostic::error(Code::CidrFamily, message);
        let diagnostic = diagnostic.help("give both one IPv4 range, one IPv6 range, or one of each");
        sink.push(places.into_iter().fold(diagnostic, |found, at| found.at(at, "")));
    }
    true
}

/// Kubernetes cuts a /24 (IPv6: /64) for each node from the pod range, at most 65,536 of them, and limits the service
/// range to 2^20 addresses (k3s's documentation: /12 and /112).
fn sizes(view: &View<'_>, pods: &[Range], services: &[Range], sink: &mut Sink<'_>) {
    let own_mask = super::arguments::given(view, "kube-controller-manager-arg", "node-cidr-mask-size");
    for range in pods.iter().filter(|_| !own_mask) {
        let mask = if range.net.addr().is_ipv4() { 24 } else { 64 };
        let bits = mask - i32::from(range.net.prefix_len());
        let nodes = 1_usize.checked_shl(bits.max(0).unsigned_abs()).unwrap_or(usize::MAX);
        if bits < 0 || nodes < view.nodes.len() {
            let count = view.nodes.len();
            let message = format!("{} has no room for a /{mask} for each of {count} nodes", range.net);
            size(range, message, "choose a shorter prefix", sink);
        } else if bits > 16 {
            let message = format!("{} is larger than Kubernetes divides among nodes", range.net);
            size(range, message, &format!("choose a prefix of at least /{}", mask - 16), sink);
        }
    }
    for range in services {
        let (shortest, longest) = if range.net.addr().is_ipv4() { (12, 28) } else { (112, 124) };
        if !(shortest..=longest).contains(&range.net.prefix_len()) {
            let message = format!("{} is no size for a service range", range.net);
            size(range, message, &format!("choose a prefix from /{shortest} to /{longest}"), sink);
        }
    }
}

fn size(range: &Range, message: String, help: &str, sink: &mut Sink<'_>) {
    if let Some(at) = range.at {
        sink.push(Diagnostic::error(Code::CidrSize, message).at(at, "").help(help));
    }
}

fn overlap(one: &Range, other: &Range, sink: &mut Sink<'_>) {
    if !(one.net.contains(&other.net) || other.net.contains(&one.net)) {
        return;
    }
    let title = |range: &Range| {
        let default = if range.at.is_none() { ", the default," } else { "" };
        format!("`{}` {}{default}", range.what, range.net)
    };
    let message = format!("{} overlaps {}", title(one), title(other).trim_end_matches(','));
    let mut places =
        [(other.at, other.what), (one.at, one.what)].into_iter().filter_map(|(at, what)| Some((at?, what)));
    let Some((at, what)) = places.next() else { return };
    let diagnostic = Diagnostic::error(Code::CidrOverlap, message).at(at, what).help("move one of the two");
    sink.push(places.fold(diagnostic, |diagnostic, (at, what)| diagnostic.at(at, what)));
}

/// No node lies in a range of pods or services, and each given address lies in the node network.
fn addresses(view: &View<'_>, inside: &[&Range], lan: Option<&Range>, sink: &mut Sink<'_>) {
    for node in &view.nodes {
        let ssh = node.raw.ssh.spanned().and_then(|ssh| Some((ssh.value.host.parse().ok()?, ssh.span)));
        let field = |field: &Field<IpAddr>| field.spanned().map(|given| (given.value, given.span));
        let own = field(&node.raw.address);
        let all: Vec<(IpAddr, Span)> =
            own.into_iter().chain(field(&node.raw.external_address)).chain(ssh).collect();
        for (nth, (address, at)) in all.iter().enumerate() {
            let known = all[..nth].iter().any(|(earlier, _)| earlier == address);
            for range in inside.iter().filter(|range| !known && range.net.contains(address)) {
                let message = format!(
                    "the address {address} of {} lies in `{}` {}",
                    node.title(),
                    range.what,
                    range.net
                );
                let diagnostic = Diagnostic::error(Code::CidrOverlap, message).at(*at, "");
                let help = format!("choose another `{}`", range.what);
                sink.push(
                    range.at.into_iter().fold(diagnostic, |found, at| found.at(at, range.what)).help(help),
                );
            }
        }
        if let (Some((address, at)), Some(lan)) =
            (own, lan.filter(|lan| own.is_some_and(|own| !lan.net.contains(&own.0))))
        {
            let message = format!(
                "the address {address} of {} lies outside of the node network {}",
                node.title(),
                lan.net
            );
            let diagnostic = Diagnostic::error(Code::AddressOutsideNetwork, message).at(at, "");
            sink.push(
                diagnostic
                    .at(lan.at.unwrap_or_default(), "the node network")
                    .help("correct the address or the range"),
            );
        }
    }
}

/// A node's address has a family that pods have too.
fn node_families(view: &View<'_>, pods: &[Range], sink: &mut Sink<'_>) {
    for node in &view.nodes {
        let Some(address) = node.raw.address.spanned() else { continue };
        if pods.iter().any(|range| range.net.addr().is_ipv4() == address.value.is_ipv4()) {
            continue;
        }
        let (has, lacks) = if address.value.is_ipv4() { ("IPv4", "IPv6") } else { ("IPv6", "IPv4") };
        let message = format!("{} has an {has} address, but pods have {lacks} only", node.title());
        let diagnostic = Diagnostic::error(Code::CidrFamily, message).at(address.span, "");
        sink.push(
            diagnostic
                .help(format!("add {has} ranges to `podCidr` and `serviceCidr`, or give an {lacks} address")),
        );
    }
}
