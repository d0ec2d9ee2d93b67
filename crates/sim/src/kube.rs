//! What the simulated Kubernetes API does when it is asked.

use std::collections::BTreeMap;

use model::{
    NodeName,
    facts::Api,
    op::KubeOp,
    reply::{Failure, FailureKind, KubeReply},
};
use spec::cluster::Taint;

use crate::world::{Operator, World};

impl World {
    /// Does one operation through these servers.
    pub(crate) fn kube(
        &mut self,
        operator: Operator,
        servers: &[NodeName],
        op: &KubeOp,
    ) -> Result<KubeReply, Failure> {
        if *op == KubeOp::Observe {
            return Ok(KubeReply::Observed(self.kube_facts(servers, operator)));
        }
        let (server, cluster) = self.ready_server(operator, servers)?;
        let changed = match op {
            KubeOp::Observe => false,
            KubeOp::SetNode { node, labels, drop_labels, taints, drop_taints } => {
                self.set_node(cluster, node, labels, drop_labels, taints, drop_taints)?
            }
            KubeOp::RemoveMember { node } => self.remove_member(cluster, &server, node)?,
            KubeOp::DeleteNode { node } => self.delete_node(cluster, &server, node)?,
        };
        Ok(if changed { KubeReply::Changed } else { KubeReply::Unchanged })
    }

    fn ready_server(&self, operator: Operator, servers: &[NodeName]) -> Result<(NodeName, u32), Failure> {
        let mut seen = Vec::new();
        for server in servers {
            match (self.api(server, operator), self.endpoint(server)) {
                (Api::Ready, Ok(cluster)) => return Ok((server.clone(), cluster)),
                (Api::Down(why), _) | (_, Err(why)) => seen.push(format!("{server}: {why}")),
            }
        }
        Err(Failure::new(FailureKind::Refused, format!("no API answers ({})", seen.join("; "))))
    }

    fn set_node(
        &mut self,
        cluster: u32,
        name: &NodeName,
        labels: &BTreeMap<String, String>,
        drop_labels: &[String],
        taints: &[Taint],
        drop_taints: &[String],
    ) -> Result<bool, Failure> {
        let nodes = self.clusters.get_mut(&cluster).map(|cluster| &mut cluster.nodes);
        let Some(node) = nodes.and_then(|nodes| nodes.get_mut(name.as_str())) else {
            return Err(Failure::new(FailureKind::Refused, format!("nodes \"{name}\" not found")));
        };
        let before = node.clone();
        let label_of = |taint: &Taint| format!("{}:{:?}", taint.key, taint.effect);
        node.labels.retain(|key, _| !drop_labels.contains(key));
        node.labels.extend(labels.clone());
        let wanted: Vec<_> = taints.iter().map(label_of).collect();
        node.taints.retain(|taint| {
            let label = label_of(taint);
            !drop_taints.contains(&label) && !wanted.contains(&label)
        });
        node.taints.extend(taints.iter().cloned());
        node.taints.sort();
        node.owned_labels = labels.keys().cloned().collect();
        node.owned_taints = wanted;
        node.owned_taints.sort();
        let mut same_order = before.taints.clone();
        same_order.sort();
        let taints_are_same = same_order == node.taints;
        if taints_are_same {
            node.taints.clone_from(&before.taints);
        }
        Ok(*node != before)
    }

    /// k3s takes the member out when the Node is annotated for it; etcd refuses where that would cost the quorum.
    fn remove_member(&mut self, id: u32, server: &NodeName, node: &NodeName) -> Result<bool, Failure> {
        let (_, up) = self.votes(id, server);
        let cluster = &self.clusters[&id];
        let Some((name, member)) = cluster.member_of(node.as_str()) else { return Ok(false) };
        let (name, member) = (name.clone(), member.clone());
        if member.voter {
            let is_up = self.member_is_up(id, &name);
            let (left, left_up) = (cluster.voters().count() - 1, up - usize::from(is_up));
            if left == 0 || left_up * 2 <= left {
                let why = "etcdserver: re-configuration failed due to not enough started members";
                return Err(Failure::new(FailureKind::Refused, format!("{node}: {why}")));
            }
        }
        self.clusters.get_mut(&id).expect("it was just read").members.remove(&name);
        if let Some(host) = member.host {
            let runs =
                self.processes.get(&host).is_some_and(|process| process.member.as_ref() == Some(&name));
            if runs {
                self.k3s_fails(&host, "etcd: this member has been removed from the cluster".to_owned());
            }
        }
        Ok(true)
    }

    /// Deleting a server's Node takes its member out too.
    fn delete_node(&mut self, id: u32, server: &NodeName, node: &NodeName) -> Result<bool, Failure> {
        let had_member = self.remove_member(id, server, node)?;
        let cluster = self.clusters.get_mut(&id).expect("its server is ready");
        let had_password = cluster.passwords.remove(node.as_str()).is_some();
        let had_node = cluster.nodes.remove(node.as_str()).is_some();
        if let Some(process) = self
            .processes
            .values_mut()
            .find(|process| process.cluster == Some(id) && process.node == node.as_str())
        {
            process.registered = false;
        }
        Ok(had_member || had_password || had_node)
    }
}
