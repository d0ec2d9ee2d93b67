//! etcd's members as the leader keeps them: learners become voters or are given up, and Nodes say who votes.
//!
//! The rules and spans are k3s's (its `manageLearners`): every 15 s; a learner without progress for 5 minutes is
//! removed; the condition `EtcdIsVoter` is False for members that do not answer and for etcd nodes that are no members.

use std::{collections::BTreeMap, time::Duration};

use model::NodeName;

use super::{Datastore, files};
use crate::world::{Task, World};

/// Between two rounds of the leader.
pub(super) const ROUND: Duration = Duration::from_secs(15);
/// How long a learner may be without progress.
const STALLED: Duration = Duration::from_mins(5);
/// How long a learner needs to catch up.
const CATCH_UP: Duration = Duration::from_secs(3);

impl World {
    /// One round of every cluster's leader.
    pub(crate) fn manage_members(&mut self) {
        let clusters: Vec<_> = self
            .clusters
            .values()
            .filter(|cluster| cluster.datastore == Datastore::Etcd)
            .map(|cluster| cluster.id)
            .filter(|cluster| self.has_leader(*cluster))
            .collect();
        for cluster in clusters {
            self.promote_or_evict(cluster);
            self.tell_the_removed(cluster);
            self.tell_who_votes(cluster);
        }
        self.schedule(ROUND, Task::Members);
    }

    fn has_leader(&self, cluster: u32) -> bool {
        let hosts = self.clusters[&cluster].voters().filter_map(|(_, member)| member.host.as_ref());
        hosts.into_iter().any(|host| {
            let (all, up) = self.votes(cluster, host);
            up * 2 > all
        })
    }

    fn promote_or_evict(&mut self, cluster: u32) {
        let learners = self.clusters[&cluster].members.iter().filter(|(_, member)| !member.voter);
        let learners: Vec<_> = learners.map(|(name, member)| (name.clone(), member.clone())).collect();
        for (name, learner) in learners {
            let up = self.member_is_up(cluster, &name);
            let now = self.now;
            let members = &mut self.clusters.get_mut(&cluster).expect("it was listed").members;
            let member = members.get_mut(&name).expect("it was listed");
            match (up, now.saturating_sub(learner.progress)) {
                (true, since) if since >= CATCH_UP || learner.progressed => member.voter = true,
                (true, _) => {
                    member.progressed = true;
                    member.progress = now;
                }
                (false, since) if since > STALLED => {
                    members.remove(&name);
                }
                (false, _) => {}
            }
        }
    }

    /// A member that was removed learns of it from the others: its etcd stops for good and a tombstone is left, but k3s runs
    /// on and asks to be started again.
    fn tell_the_removed(&mut self, cluster: u32) {
        let members = &self.clusters[&cluster].members;
        let removed = self.processes.iter().filter(|(_, process)| {
            process.cluster == Some(cluster)
                && process.member.as_ref().is_some_and(|member| !members.contains_key(member))
        });
        let hears = |host: &NodeName| {
            let mut others = self.clusters[&cluster].voters();
            others.any(|(name, _)| {
                self.member_host(cluster, name).is_some_and(|other| self.reaches(host, other))
            })
        };
        let hosts: Vec<_> = removed.map(|(host, _)| host.clone()).filter(hears).collect();
        for host in hosts {
            let machine = self.machines.get_mut(&host).expect("a process runs there");
            machine.disk.write(files::TOMBSTONE, 0o600, "");
        }
    }

    /// Sets the condition `EtcdIsVoter` of every Node that has or had a member.
    fn tell_who_votes(&mut self, cluster: u32) {
        let votes: BTreeMap<String, bool> = self.clusters[&cluster]
            .members
            .iter()
            .map(|(name, member)| (member.node.clone(), member.voter && self.member_is_up(cluster, name)))
            .collect();
        let nodes = &mut self.clusters.get_mut(&cluster).expect("it was listed").nodes;
        for (name, node) in nodes.iter_mut().filter(|(_, node)| node.labels.contains_key(super::ETCD_ROLE)) {
            node.votes = Some(votes.get(name).copied().unwrap_or(false));
        }
    }
}
