//! The host's addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use model::facts::Address;

use crate::decode::evidence::Evidence;

/// Without loopback, link-local and temporary ones.
pub(super) fn addresses(evidence: &Evidence) -> Vec<Address> {
    let found = if evidence.has("ip") { from_ip(&evidence.word("ip")) } else { from_proc(evidence) };
    found.into_iter().filter(|address| usable(address.ip)).collect()
}

fn usable(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_link_local(),
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unicast_link_local(),
    }
}

/// `ip -o addr`: `4: eth0    inet 192.0.2.2/24 brd … scope global eth0`. Temporary IPv6 addresses change by themselves.
fn from_ip(text: &str) -> Vec<Address> {
    text.lines()
        .filter(|line| !line.split_whitespace().any(|word| word == "temporary"))
        .filter_map(|line| {
            let mut words = line.split_whitespace().skip(1);
            let interface = words.next()?.split('@').next()?.to_owned();
            let mut words = words.skip_while(|word| *word != "inet" && *word != "inet6").skip(1);
            let (ip, prefix) = match words.next()?.split_once('/') {
                Some((ip, prefix)) => (ip.parse().ok()?, prefix.parse().ok()?),
                None => return None,
            };
            Some(Address { interface, ip, prefix })
        })
        .collect()
}

/// Hosts without `ip`: every address that the kernel calls local, at the interface whose route holds it.
fn from_proc(evidence: &Evidence) -> Vec<Address> {
    let routes = routes(&evidence.text("/proc/net/route"));
    let trie = evidence.text("/proc/net/fib_trie");
    let mut found = Vec::new();
    let mut last = None;
    for line in trie.lines() {
        if let Some(ip) = line.trim().strip_prefix("|-- ") {
            last = ip.parse::<Ipv4Addr>().ok();
        } else if line.contains("/32 host LOCAL")
            && let Some(ip) = last
            && let Some((interface, prefix)) = route_of(&routes, ip)
        {
            let address = Address { interface, ip: ip.into(), prefix };
            if !found.contains(&address) {
                found.push(address);
            }
        }
    }
    found.extend(evidence.text("/proc/net/if_inet6").lines().filter_map(six));
    found
}

/// Interface, network, mask; the numbers are in the host's own order, which is little-endian wherever k3s runs but
/// on s390x.
fn routes(text: &str) -> Vec<(String, u32, u32)> {
    let number = |word: Option<&str>| u32::from_str_radix(word?, 16).ok().map(u32::swap_bytes);
    text.lines()
        .skip(1)
        .filter_map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let network = number(words.get(1).copied())?;
            let mask = number(words.get(7).copied())?;
            Some(((*words.first()?).to_owned(), network, mask))
        })
        .collect()
}

fn route_of(routes: &[(String, u32, u32)], ip: Ipv4Addr) -> Option<(String, u8)> {
    let holding = routes.iter().filter(|(_, network, mask)| *mask != 0 && u32::from(ip) & mask == *network);
    let (interface, _, mask) = holding.max_by_key(|(_, _, mask)| mask.count_ones())?;
    u8::try_from(mask.count_ones()).ok().map(|prefix| (interface.clone(), prefix))
}

/// `/proc/net/if_inet6`: address, index, prefix, scope, flags, interface. Flag 01 is temporary.
fn six(line: &str) -> Option<Address> {
    let words: Vec<_> = line.split_whitespace().collect();
    let [ip, _, prefix, _, flags, interface] = words.as_slice() else { return None };
    let ip = Ipv6Addr::from(u128::from_str_radix(ip, 16).ok()?);
    let prefix = u8::from_str_radix(prefix, 16).ok()?;
    let temporary = u8::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 == 1);
    (!temporary).then(|| Address { interface: (*interface).to_owned(), ip: ip.into(), prefix })
}
