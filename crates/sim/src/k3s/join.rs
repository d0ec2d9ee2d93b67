//! Joining a cluster, as a server or as an agent.

use super::{
    Datastore,
    attempt::{Reached, Starting},
    config::Word,
    files,
    token::{Token, judge_ca_hash, judge_downgrade, judge_server_token},
};
use crate::{host::disk::Blob, world::World};
use model::Role;

impl World {
    /// A server without data becomes a learner.
    pub(super) fn join(&mut self, starting: &Starting, url: &str) -> Result<Reached, String> {
        let id = self.find_cluster(starting, &[url.to_owned()])?;
        let cluster = &self.clusters[&id];
        judge_ca_hash(cluster, &starting.token)?;
        if starting.token == Word::Unset {
            return Err("starting kubernetes: token is required to join a cluster".to_owned());
        }
        judge_server_token(cluster, &starting.token).map_err(|_| "not authorized".to_owned())?;
        judge_downgrade(cluster, &starting.version)?;
        self.judge_clock(starting)?;
        self.judge_together(starting, id)?;
        if cluster.datastore != Datastore::Etcd {
            return Err("cannot join: the server's datastore is not etcd".to_owned());
        }
        let known = self.machines[&starting.host].disk.file(files::SERVER_CA).and_then(Blob::digest);
        if known.is_some_and(|known| known != cluster.ca_hash()) {
            return Err(format!("{} is of another cluster", files::SERVER_CA));
        }
        // The authorities come before etcd: where a member cannot be added they are there without one.
        let disk = &mut self.machines.get_mut(&starting.host).expect("it starts there").disk;
        files::write_ca(disk, files::SERVER_CA, cluster);
        if cluster.member_of(&starting.node).is_some() {
            return Err(
                "etcd cluster join failed: duplicate node name found, please use a unique name for this node"
                    .to_owned(),
            );
        }
        if cluster.members.values().any(|member| !member.voter) {
            return Err("etcdserver: too many learner members in cluster".to_owned());
        }
        if cluster.voters().any(|(name, _)| !self.member_is_up(id, name)) {
            return Err("etcdserver: unhealthy cluster".to_owned());
        }
        let member = self.write_new_member(starting, id, false);
        Ok(Reached { cluster: id, member: Some(member) })
    }

    pub(super) fn join_as_agent(&mut self, starting: &Starting) -> Result<Reached, String> {
        let mut urls: Vec<_> = starting.settings.text("server").into_iter().collect();
        if urls.is_empty() {
            return Err("--server is required".to_owned());
        }
        urls.extend(files::read_balancer(&self.machines[&starting.host].disk));
        let id = self.find_cluster(starting, &urls)?;
        let cluster = &self.clusters[&id];
        if starting.token == Word::Unset {
            return Err("--token is required".to_owned());
        }
        judge_ca_hash(cluster, &starting.token)?;
        // Where there is an agent token, the server token opens nothing to an agent.
        let wanted = cluster.agent_password.as_ref().or(cluster.server_password.as_ref());
        if let (Word::Known(token), Some(wanted)) = (&starting.token, wanted)
            && Token::parse(token).password != *wanted
        {
            return Err("not authorized".to_owned());
        }
        self.judge_clock(starting)?;
        let oldest = self.server_versions(id).min();
        if let Some(oldest) = oldest.filter(|oldest| starting.version.minor > oldest.minor) {
            self.violate(format!("{} runs {} while a server runs {oldest}", starting.host, starting.version));
            return Err(format!("kubelet {} is newer than the API server {oldest}", starting.version));
        }
        let servers = self.server_addresses(id);
        files::write_balancer(
            &mut self.machines.get_mut(&starting.host).expect("it starts there").disk,
            &servers,
        );
        Ok(Reached { cluster: id, member: None })
    }

    /// The cluster that the first answering server of these belongs to.
    pub(super) fn find_cluster(&self, starting: &Starting, urls: &[String]) -> Result<u32, String> {
        let mut why = String::new();
        for url in urls {
            let Some(hosts) = self.hosts_behind(url) else {
                why = format!("failed to get CA certs: Get \"{url}/cacerts\": no such host");
                continue;
            };
            for host in hosts {
                if host == starting.host {
                    why = format!("failed to get CA certs: Get \"{url}/cacerts\": connection refused");
                    continue;
                }
                match self.serves(&starting.host, &host) {
                    Ok(id) => return Ok(id),
                    Err(trouble) => why = format!("failed to get CA certs: Get \"{url}/cacerts\": {trouble}"),
                }
            }
        }
        Err(why)
    }

    pub(super) fn judge_clock(&self, starting: &Starting) -> Result<(), String> {
        let ahead = self.machines[&starting.host].clock.ahead;
        if ahead.abs() > 300 {
            return Err(
                "tls: failed to verify certificate: x509: certificate has expired or is not yet valid"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Compares what must be equal with every server that runs; without one, with nothing.
    pub(super) fn judge_together(&self, starting: &Starting, cluster: u32) -> Result<(), String> {
        let others = self.processes.iter().filter(|(host, process)| {
            **host != starting.host && process.role == Role::Server && process.cluster == Some(cluster)
        });
        for (_, other) in others {
            let wrong: Vec<_> = starting
                .together
                .iter()
                .filter(|(key, value)| other.together.get(*key).is_some_and(|theirs| theirs != *value))
                .map(|(key, _)| key.as_str())
                .collect();
            if !wrong.is_empty() {
                return Err(format!(
                    "critical configuration value mismatch between servers: {}",
                    wrong.join(", ")
                ));
            }
        }
        Ok(())
    }
}
