//! The watcher: what coracle must never do, seen from outside.
//!
//! Owns: the list of violations. It excuses what a fault did, and what nobody could have seen coming: a fault less
//! than a minute old.

use std::time::Duration;

use model::{NodeName, event::Event};

use super::{Task, World};
use crate::k3s::Phase;

/// How long an operator may be locked out where no guard says otherwise.
const WINDOW: Duration = Duration::from_mins(1);
/// What a revert may take beyond its window.
const SLACK: Duration = Duration::from_secs(5);
/// How old a fault must be before a plan could have seen it.
const SEEN: Duration = Duration::from_mins(1);
/// Shorter values are no secrets; they would be found anywhere.
const SHORTEST: usize = 8;

impl World {
    /// Notes what must not be; the same thing once.
    pub(crate) fn violate(&mut self, text: String) {
        if !self.violations.contains(&text) {
            self.violations.push(text);
        }
    }

    /// A server is about to be restarted or stopped.
    pub(super) fn watch_disruption(&mut self, host: &NodeName, doing: &str) {
        if self.may_destroy {
            return;
        }
        let Some(process) = self.processes.get(host) else { return };
        let (Some(id), Some(member)) = (process.cluster, &process.member) else { return };
        let cluster = &self.clusters[&id];
        if cluster.foreign || !cluster.members.get(member).is_some_and(|member| member.voter) {
            return;
        }
        let others: Vec<_> = cluster
            .voters()
            .filter(|(name, _)| *name != member)
            .filter_map(|(_, other)| other.host.clone())
            .collect();
        let (all, up) = self.votes(id, host);
        let forced = all <= 2 && doing == "restarting" || all == 1;
        let had = up * 2 > all;
        // Without a majority nothing is served that could be taken away: a cold start has all of them begin at once.
        let disrupted = |other: &&NodeName| self.is_disrupted(other);
        if let Some(other) = others.iter().find(disrupted).filter(|_| had) {
            self.violate(format!("{doing} {host} while {other} is disrupted"));
        }
        let keeps = (up - 1) * 2 > all;
        let excused = others.iter().any(|other| self.was_just_hit(other));
        if had && !keeps && !forced && !excused {
            self.violate(format!("{doing} {host} takes the quorum: {} of {all} members stay up", up - 1));
        }
    }

    /// Whether a server does not serve by our own doing.
    fn is_disrupted(&self, host: &NodeName) -> bool {
        let Some(machine) = self.machines.get(host) else { return false };
        let well = machine.is_on() && machine.link.nodes && !self.hit.contains_key(host);
        let down = self
            .processes
            .get(host)
            .is_none_or(|process| process.phase != Phase::Running || self.now < process.api_at);
        well && down
    }

    fn was_just_hit(&self, host: &NodeName) -> bool {
        self.hit.get(host).is_some_and(|at| self.now.saturating_sub(*at) < SEEN)
    }

    /// A server is about to found a cluster.
    pub(crate) fn watch_founding(&mut self, host: &NodeName, etcd: bool) {
        if self.machines[host].marks.claim.is_none() {
            return;
        }
        let counts = |other: &NodeName| !self.given_up.contains(other);
        let other =
            self.clusters.values().find(|cluster| !cluster.foreign && self.has_data(cluster.id, counts));
        if other.is_some() {
            let store = if etcd { "etcd" } else { "sqlite" };
            self.violate(format!("{host} founds a second cluster ({store})"));
        }
    }

    /// Whether a cluster's datastore still lies on some machine that counts, or outside of them.
    pub(crate) fn has_data(&self, cluster: u32, counts: impl Fn(&NodeName) -> bool) -> bool {
        use crate::k3s::{Datastore, files};
        let external = matches!(
            self.clusters.get(&cluster).map(|cluster| &cluster.datastore),
            Some(Datastore::External(_))
        );
        external
            || self.machines.iter().filter(|(host, _)| counts(host)).any(|(_, machine)| {
                files::read_sqlite(&machine.disk) == Some(cluster)
                    || files::read_member(&machine.disk).is_some_and(|member| member.cluster == cluster)
            })
    }

    /// sshd has read its rules: whether the operator still gets in.
    pub(super) fn note_lockout(&mut self, host: &NodeName) {
        let now = self.now;
        let Some(machine) = self.machines.get_mut(host) else { return };
        if machine.ssh.rules.lets_in(&machine.ssh.user) {
            machine.ssh.locked_out = None;
        } else if machine.ssh.locked_out.is_none() {
            machine.ssh.locked_out = Some(now);
            let fires = machine.marks.armed.as_ref().map(|armed| armed.fires);
            let span = fires.map_or(WINDOW, |fires| fires.saturating_sub(now)) + SLACK;
            self.schedule(span, Task::LockedOut { host: host.clone(), since: now });
        }
    }

    pub(super) fn judge_lockout(&mut self, host: &NodeName, since: Duration) {
        // A machine that has just woken is given the time to fire its revert.
        if self.hit.get(host).is_some_and(|at| self.now.saturating_sub(*at) < SLACK) {
            return self.schedule(SLACK, Task::LockedOut { host: host.clone(), since });
        }
        let machine = self.machines.get(host);
        if machine.is_some_and(|machine| machine.is_on() && machine.ssh.locked_out == Some(since)) {
            let span = self.now.saturating_sub(since).as_secs();
            self.violate(format!("the operator is locked out of {host} for {span} s"));
        }
    }

    /// Remembers a value that must never be seen.
    pub(crate) fn learn(&mut self, secret: &[u8]) {
        let trimmed = secret.trim_ascii();
        if trimmed.len() >= SHORTEST {
            self.learned.insert(trimmed.to_vec());
        }
    }

    /// Looks for secrets in an event.
    pub(crate) fn watch_event(&mut self, event: &Event) {
        let text = serde_json::to_string(event).expect("events always serialise");
        if self.shows_secret(&text) {
            let kind = text.split('"').nth(7).unwrap_or("?").to_owned();
            self.violate(format!("a secret is seen in an event ({kind})"));
        }
    }

    pub(crate) fn shows_secret(&self, text: &str) -> bool {
        self.learned
            .iter()
            .any(|secret| std::str::from_utf8(secret).is_ok_and(|secret| text.contains(secret)))
    }
}
