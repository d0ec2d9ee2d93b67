//! Worlds of empty machines.

use std::{collections::BTreeSet, net::IpAddr};

use model::{
    NodeName,
    facts::{Address, Arch},
};
use spec::cluster::{Cluster, Node, NodeNetwork};

use super::World;
use crate::{
    artifact::lock_for,
    host::{Stock, empty},
};

impl World {
    /// Freshly installed machines for the nodes of a cluster. Addresses come from `address`, from `ssh` where that is
    /// an address, or from the node network's range; every machine has one in the node network.
    pub fn from_cluster(cluster: &Cluster, seed: u64) -> Self {
        let mut world = Self::bare(seed);
        let mut taken = BTreeSet::new();
        taken.extend(cluster.nodes.iter().filter_map(|node| node.address));
        taken.extend(cluster.nodes.iter().filter_map(|node| node.ssh.host.parse::<IpAddr>().ok()));
        for node in &cluster.nodes {
            let addresses = addresses(cluster, node, &mut taken);
            let user = node.ssh.user.as_deref().unwrap_or("root");
            let machine = empty(&node.name, Stock::Debian, Arch::Amd64, addresses, user);
            world.machines.insert(node.name.clone(), machine);
        }
        for machine in world.machines.values_mut() {
            machine.marks.key = format!("{seed:016x} key of {}", machine.name);
        }
        world.learn_names(cluster);
        world.stock(&lock_for([&cluster.kubernetes.version]));
        world
    }

    /// The API's name leads to the servers.
    pub(super) fn learn_names(&mut self, cluster: &Cluster) {
        if let Some(name) = &cluster.kubernetes.api_name {
            let servers = cluster.servers().map(|node| node.name.clone()).collect();
            self.names.insert(name.as_str().to_owned(), servers);
        }
    }

    /// Gives the machines different systems and processors, in turn: Debian on amd64, Alpine (OpenRC) on arm64,
    /// Rocky on amd64, Ubuntu on arm64. For worlds in which nothing has happened yet.
    pub fn mix_systems(&mut self) {
        self.mix_systems_from(0);
    }

    /// The same, where the first machine's turn comes after so many others.
    pub fn mix_systems_from(&mut self, turn: usize) {
        let kinds = [
            (Stock::Debian, Arch::Amd64),
            (Stock::Alpine, Arch::Arm64),
            (Stock::Fedora, Arch::Amd64),
            (Stock::Ubuntu, Arch::Arm64),
        ];
        let kinds = kinds.into_iter().cycle().skip(turn);
        for (machine, (stock, arch)) in self.machines.values_mut().zip(kinds) {
            let addresses = std::mem::take(&mut machine.build.addresses);
            let key = std::mem::take(&mut machine.marks.key);
            *machine = empty(&machine.name, stock, arch, addresses, &machine.ssh.user);
            machine.marks.key = key;
        }
    }

    /// Adds an empty machine for every node of the cluster that the world has none for, and says which.
    pub fn add_missing(&mut self, cluster: &Cluster) -> Vec<NodeName> {
        let mut added = Vec::new();
        for (name, machine) in Self::from_cluster(cluster, self.seed).machines {
            if !self.has(&name) {
                added.push(name.clone());
                self.machines.insert(name, machine);
            }
        }
        added
    }

    /// Whether the world has this machine.
    pub fn has(&self, host: &NodeName) -> bool {
        self.machines.contains_key(host)
    }
}

fn addresses(cluster: &Cluster, node: &Node, taken: &mut BTreeSet<IpAddr>) -> Vec<Address> {
    let NodeNetwork::Lan { cidr } = &cluster.network.node_network;
    let login = node.ssh.host.parse::<IpAddr>().ok();
    let inside = |ip: &IpAddr| cidr.is_none_or(|cidr| cidr.contains(ip));
    let own = node.address.or_else(|| login.filter(inside)).unwrap_or_else(|| {
        let range = cidr.unwrap_or_else(|| "192.168.1.0/24".parse().expect("a range"));
        let free = range.hosts().skip(9).find(|ip| !taken.contains(ip));
        free.or_else(|| range.hosts().find(|ip| !taken.contains(ip))).unwrap_or_else(|| range.addr())
    });
    taken.insert(own);
    let prefix = cidr.map_or(if own.is_ipv4() { 24 } else { 64 }, |cidr| cidr.prefix_len());
    let mut found = vec![Address { interface: "eth0".to_owned(), ip: own, prefix }];
    // With no range to tell them apart, a second address would only make it unclear which is the node's own.
    let elsewhere = [login, node.external_address].into_iter().flatten().find(|ip| *ip != own && !inside(ip));
    found.extend(elsewhere.map(|ip| {
        let prefix = if ip.is_ipv4() { 24 } else { 64 };
        Address { interface: "eth1".to_owned(), ip, prefix }
    }));
    found
}
