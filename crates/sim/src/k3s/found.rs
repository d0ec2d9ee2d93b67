//! Founding a cluster, and going on in one with the data at hand.

use std::collections::BTreeMap;

use super::{
    Cluster, Datastore, Member,
    attempt::{Reached, Starting},
    config::Word,
    files,
    token::{Token, judge_downgrade, judge_server_token},
};
use crate::{host::disk::Blob, world::World};

impl World {
    /// A member with data goes on, whether others are there yet or not.
    pub(super) fn go_on(&mut self, starting: &Starting, member: files::Member) -> Result<Reached, String> {
        let cluster = self.clusters.get(&member.cluster).ok_or("etcd: the data belongs to no cluster")?;
        if !cluster.members.contains_key(&member.name) {
            return self.heed_tombstone(starting);
        }
        judge_server_token(cluster, &starting.token)?;
        judge_downgrade(cluster, &starting.version)?;
        self.judge_together(starting, member.cluster)?;
        Ok(Reached { cluster: member.cluster, member: Some(member.name) })
    }

    pub(super) fn go_on_with_sqlite(&mut self, starting: &Starting, id: u32) -> Result<Reached, String> {
        let cluster = self.clusters.get_mut(&id).ok_or("the data belongs to no cluster")?;
        judge_server_token(cluster, &starting.token)?;
        judge_downgrade(cluster, &starting.version)?;
        if !starting.settings.yes("cluster-init") {
            return Ok(Reached { cluster: id, member: None });
        }
        // k3s moves the objects over and renames the file.
        cluster.datastore = Datastore::Etcd;
        cluster.together.clone_from(&starting.together);
        let name = self.write_new_member(starting, id, true);
        let disk = &mut self.machines.get_mut(&starting.host).expect("it starts there").disk;
        disk.remove(files::SQLITE);
        disk.write(&format!("{}.migrated", files::SQLITE), 0o644, "");
        Ok(Reached { cluster: id, member: Some(name) })
    }

    /// A removed member leaves a tombstone at its first start after that. At the next its data goes aside and it joins
    /// anew, where it has a server to join (k3s since February 2026).
    fn heed_tombstone(&mut self, starting: &Starting) -> Result<Reached, String> {
        let disk = &mut self.machines.get_mut(&starting.host).expect("it starts there").disk;
        if !disk.has(files::TOMBSTONE) {
            disk.write(files::TOMBSTONE, 0o600, "");
            return Err("etcd: this member has been permanently removed from the cluster".to_owned());
        }
        let Some(url) = starting.settings.text("server") else {
            return Err("tombstone file has been detected but --server is empty".to_owned());
        };
        disk.remove(files::ETCD);
        self.join(starting, &url)
    }

    /// Neither data nor a server to join: a cluster begins, wanted or not.
    pub(super) fn found(&mut self, starting: &Starting) -> Result<Reached, String> {
        let password = match &starting.token {
            Word::Known(token) => match Token::parse(token) {
                Token { ca: Some(_), .. } => {
                    return Err("token CA hash does not match the Cluster CA certificate hash".to_owned());
                }
                token => Some(token.password),
            },
            Word::Unset => Some(self.new_secret("server token")),
            Word::Unknown => None,
        };
        let etcd = starting.settings.yes("cluster-init");
        let datastore = if etcd { Datastore::Etcd } else { Datastore::Sqlite };
        self.watch_founding(&starting.host, etcd);
        let id = self.new_cluster(starting, datastore, password);
        let member = if etcd {
            Some(self.write_new_member(starting, id, true))
        } else {
            files::write_sqlite(
                &mut self.machines.get_mut(&starting.host).expect("it starts there").disk,
                id,
            );
            None
        };
        Ok(Reached { cluster: id, member })
    }

    pub(super) fn new_cluster(
        &mut self,
        starting: &Starting,
        datastore: Datastore,
        server_password: Option<String>,
    ) -> u32 {
        let id = u32::try_from(self.clusters.len()).expect("fewer clusters than that") + 1;
        let serial = self.new_secret("CA");
        let agent_password = match &starting.agent_token {
            Word::Known(token) => Some(Token::parse(token).password),
            Word::Unset | Word::Unknown => None,
        };
        for secret in [&server_password, &agent_password].into_iter().flatten() {
            self.learned.insert(secret.clone().into_bytes());
        }
        let machine = &self.machines[&starting.host];
        // Existing CA files are taken over: a datastore that was lost does not change them.
        let kept = machine.disk.file(files::SERVER_CA);
        let cluster = Cluster {
            id,
            ca: kept.and_then(Blob::bytes).map_or_else(|| pem(&serial), <[u8]>::to_vec),
            told_ca: kept.filter(|ca| ca.is_told()).and_then(Blob::digest),
            foreign: machine.marks.claim.is_none(),
            datastore,
            server_password,
            agent_password,
            together: starting.together.clone(),
            newest: starting.version.clone(),
            members: BTreeMap::new(),
            nodes: BTreeMap::new(),
            passwords: BTreeMap::new(),
        };
        self.clusters.insert(id, cluster);
        id
    }

    pub(super) fn write_new_member(&mut self, starting: &Starting, cluster: u32, voter: bool) -> String {
        let name = format!("{}-{}", starting.node, &self.new_secret("member")[..8]);
        let member = files::Member { cluster, name: name.clone() };
        files::write_member(
            &mut self.machines.get_mut(&starting.host).expect("it starts there").disk,
            &member,
        );
        let members = &mut self.clusters.get_mut(&cluster).expect("it exists").members;
        let (host, progress) = (Some(starting.host.clone()), self.now);
        members.insert(
            name.clone(),
            Member { node: starting.node.clone(), host, voter, progress, progressed: false },
        );
        name
    }

    pub(super) fn use_external(&mut self, starting: &Starting, endpoint: &str) -> Result<Reached, String> {
        let of = |cluster: &&Cluster| cluster.datastore == Datastore::External(endpoint.to_owned());
        if let Some(cluster) = self.clusters.values().find(of) {
            judge_server_token(cluster, &starting.token)?;
            let id = cluster.id;
            self.judge_together(starting, id)?;
            return Ok(Reached { cluster: id, member: None });
        }
        let password = match &starting.token {
            Word::Known(token) => Some(Token::parse(token).password),
            Word::Unset => Some(self.new_secret("server token")),
            Word::Unknown => None,
        };
        self.learned.insert(endpoint.as_bytes().to_vec());
        let id = self.new_cluster(starting, Datastore::External(endpoint.to_owned()), password);
        Ok(Reached { cluster: id, member: None })
    }
}

/// A stand-in for a CA certificate.
pub(crate) fn pem(serial: &str) -> Vec<u8> {
    format!("-----BEGIN CERTIFICATE-----\nstand-in {serial}\n-----END CERTIFICATE-----\n").into_bytes()
}
