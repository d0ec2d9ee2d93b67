//! Taking a node out of its cluster, or giving a whole cluster up.
//!
//! The order is what makes it safe: k3s is stopped and disabled on the host first, so that it cannot come back; then
//! its member and Node go; then its data; then everything owned is given up; the host's mark goes last. Of two etcd
//! members neither may stop before it is taken out: the other one alone could not agree to that any more.

use std::collections::BTreeSet;

use model::{
    facts::{Api, Facts, NodeFact},
    op::{HostOp, KubeOp, Run},
    plan::{Change, ChangeKind, Plan, StepId},
    report::{Report, Weight},
    resource::ResourceId,
};
use spec::{cluster::Role, name::NodeName};

use crate::{
    Wish,
    draft::{Draft, Work},
    finding, host, k3s, os,
    site::{self, Site},
};

/// What may be destroyed although it is better not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leave {
    /// Goes from three etcd members to two, or takes a member out although another ails.
    pub force: bool,
    /// Volumes below k3s's data directory go too.
    pub volumes: bool,
}

/// Takes one node out: one of the file, whether its host answers or not, or an orphan that only the API knows.
pub fn node(wish: &Wish<'_>, facts: &Facts, name: &NodeName, leave: Leave) -> (Plan, Report) {
    let mut draft = Draft::new();
    let sites = site::sites(wish, facts, &mut draft);
    let site = sites.iter().find(|site| site.name() == name);
    // A host without coracle's mark has been cleared already, or was never ours.
    let ours = site.filter(|site| site.stable().owned.is_some());
    if may_leave(wish, facts, name, leave, &mut draft) {
        let settled = others_to_begin(facts, name, &sites, &mut draft);
        let gone = take_out(facts, name, ours, &settled, &mut draft);
        match (ours, site) {
            (Some(site), _) => clear(wish, site, gone, leave, &mut draft),
            (None, Some(_)) => {}
            (None, None) => draft.find(finding::on(
                name,
                "left-as-it-is",
                Weight::Note,
                format!(
                    "the host of {name} is not touched: it does not answer, or the file does not name it"
                ),
                "if it ever comes back, run /usr/local/bin/k3s-uninstall.sh (k3s-agent-uninstall.sh) there",
            )),
        }
    }
    draft.finish(&wish.cluster.name, facts, k3s::endpoints(facts, &sites))
}

/// Gives the whole cluster up on every host that answers: agents first, then servers.
pub fn cluster(wish: &Wish<'_>, facts: &Facts, leave: Leave) -> (Plan, Report) {
    let mut draft = Draft::new();
    let mut sites = site::sites(wish, facts, &mut draft);
    sites.sort_by_key(|site| (site.node.role == Role::Server, site.name().clone()));
    for site in sites.iter().filter(|site| site.stable().owned.is_some()) {
        let stopped = stop(site, &[], &mut draft);
        clear(wish, site, stopped, leave, &mut draft);
    }
    draft.finish(&wish.cluster.name, facts, k3s::endpoints(facts, &sites))
}

/// Whether the cluster can do without the node, and can be asked to.
fn may_leave(wish: &Wish<'_>, facts: &Facts, name: &NodeName, leave: Leave, draft: &mut Draft) -> bool {
    if !facts.kube.answers() && !leave.force && others_may_serve(wish, facts, name) {
        draft.find(finding::cluster(
            "api-silent",
            Weight::Waits,
            format!("no API of the cluster answers, so that {name} cannot be taken out of it"),
            "bring the other servers back (`coracle apply`), or say --force to clear the host all the same",
        ));
        return false;
    }
    let members: Vec<_> = facts.kube.nodes.iter().filter(|(_, node)| node.voter.is_some()).collect();
    let is_member = members.iter().any(|(member, _)| member.as_str() == name.as_str());
    let in_file: Vec<_> = wish.cluster.servers().map(|node| &node.name).collect();
    let last = if is_member { members.len() == 1 } else { in_file == [name] };
    if !is_member && !last {
        return true;
    }
    let others = members.iter().filter(|(member, _)| member.as_str() != name.as_str());
    let healthy = others.filter(|(name, node)| is_well(facts, name, node)).count();
    let left = members.len().saturating_sub(1);
    let mut refuse = |code: &str, text: String, cure: &str| {
        draft.find(finding::cluster(code, Weight::Refused, text, cure));
        false
    };
    if last {
        let text = format!("{name} is the last server: without it there is no cluster");
        return refuse(
            "last-server",
            text,
            "`coracle destroy` with the cluster's name gives the whole cluster up",
        );
    }
    if healthy < left / 2 + 1 {
        let text = format!(
            "without {name} etcd would have {healthy} of {left} members that vote and are ready: no majority"
        );
        return refuse("quorum-at-risk", text, "bring the other servers back first");
    }
    if members.len() == 3 && !leave.force {
        let text = format!("without {name} etcd would have two members, which bears no loss at all");
        return refuse("three-to-two", text, "add another server first, or say --force");
    }
    true
}

/// Whether another server of the file has data of the cluster, or does not answer and may have.
fn others_may_serve(wish: &Wish<'_>, facts: &Facts, name: &NodeName) -> bool {
    let mut others = wish.cluster.servers().filter(|node| node.name != *name);
    others.any(|node| facts.host(&node.name).is_none_or(|host| host.stable.k3s.data.has_datastore()))
}

/// Whether a member votes and serves. For forty seconds a Node says it is Ready after its server has stopped; its own API
/// says so at once.
fn is_well(facts: &Facts, name: &str, node: &NodeFact) -> bool {
    let silent = facts.kube.apis.iter().any(|(server, api)| server.as_str() == name && *api != Api::Ready);
    node.ready && node.voter == Some(true) && !silent
}

/// Waits for servers that were there a moment ago and are beginning anew: an apply may have died on the way.
fn others_to_begin(facts: &Facts, name: &NodeName, sites: &[Site<'_>], draft: &mut Draft) -> Vec<StepId> {
    let stops = facts.kube.nodes.get(name.as_str()).is_some_and(|node| node.voter.is_some());
    let others = sites.iter().filter(|site| stops && site.name() != name);
    let begins = |site: &&Site<'_>| {
        let node = facts.kube.nodes.get(site.name().as_str());
        node.is_some_and(|node| {
            node.ready && node.voter.is_some() && !is_well(facts, site.name().as_str(), node)
        })
    };
    others.filter(begins).map(|site| k3s::await_api(site, &[], draft)).collect()
}

/// Stops and disables k3s on the host, so that it cannot come back by itself: in the file's role, and in the other one
/// where coracle installed it so before the file changed.
fn stop(site: &Site<'_>, needs: &[StepId], draft: &mut Draft) -> Vec<StepId> {
    let stopped: Vec<_> = [Role::Server, Role::Agent]
        .into_iter()
        .filter(|role| *role == site.node.role || k3s::other_role(site) == Some(*role))
        .map(k3s::service)
        .filter(|name| site.stable().services.get(*name).is_some_and(|service| service.known))
        .map(|name| stop_service(site, name, needs, draft))
        .collect();
    if stopped.is_empty() {
        return needs.to_vec();
    }
    let change = Change::new(ChangeKind::Run, "stop all pods, clear mounts and interfaces");
    vec![draft.add(site, "kill k3s", Work::host(HostOp::KillK3s, change), &stopped)]
}

fn stop_service(site: &Site<'_>, name: &str, needs: &[StepId], draft: &mut Draft) -> StepId {
    let op = HostOp::SetService {
        init: site.stable().init,
        name: name.into(),
        enabled: Some(false),
        run: Run::Stopped,
    };
    let change = Change::new(ChangeKind::Run, format!("stop and disable {name}"));
    draft.add(site, &format!("stop {name}"), Work::host(op, change), needs)
}

/// Stops k3s on a host of ours, and takes member and Node out of the cluster.
fn take_out(
    facts: &Facts,
    name: &NodeName,
    ours: Option<&Site<'_>>,
    needs: &[StepId],
    draft: &mut Draft,
) -> Vec<StepId> {
    let node = facts.kube.nodes.get(name.as_str());
    let members = facts.kube.nodes.values().filter(|node| node.voter.is_some()).count();
    let member = node.is_some_and(|node| node.voter.is_some());
    let mut needs = needs.to_vec();
    if member && members == 2 {
        needs = vec![remove_member(name, &needs, draft)];
    }
    if let Some(site) = ours {
        needs = stop(site, &needs, draft);
    }
    if member && members != 2 {
        needs = vec![remove_member(name, &needs, draft)];
    }
    if node.is_none() {
        return needs;
    }
    let change = Change::new(ChangeKind::Remove, format!("delete node {name} and its password"));
    let work = Work::kube(KubeOp::DeleteNode { node: name.clone() }, change);
    vec![draft.add_about(name, "delete node", work, &needs)]
}

fn remove_member(name: &NodeName, needs: &[StepId], draft: &mut Draft) -> StepId {
    let change =
        Change::new(ChangeKind::Remove, format!("take the etcd member of {name} out of the cluster"));
    let work = Work::kube(KubeOp::RemoveMember { node: name.clone() }, change);
    draft.add_about(name, "remove member", work, needs)
}

/// Removes k3s's data, gives up everything owned, and takes the mark off.
fn clear(wish: &Wish<'_>, site: &Site<'_>, mut needs: Vec<StepId>, leave: Leave, draft: &mut Draft) {
    let present = site.stable().k3s.data.has_datastore()
        || site.stable().k3s.data.agent_ca.is_some()
        || !site.stable().k3s.services.is_empty();
    if present {
        let title = if leave.volumes {
            "remove the data of k3s, volumes too"
        } else {
            "remove the data of k3s, but keep volumes"
        };
        let work =
            Work::host(HostOp::RemoveK3s { volumes: leave.volumes }, Change::new(ChangeKind::Remove, title));
        needs = vec![draft.add(site, "remove k3s", work, &needs)];
    }
    let guarded: BTreeSet<ResourceId> = site
        .stable()
        .owned
        .iter()
        .flat_map(|owned| owned.entries.keys())
        .filter(|id| os::is_guarded_path(&id.name))
        .cloned()
        .collect();
    let given = host::give_up(site, &guarded, &needs, draft);
    needs.extend(given);
    needs.extend(os::leave(wish, site, draft));
    if site.facts.volatile.guard.is_some() {
        // The revert that is waited for gives back what it guards, and the host must still know that it is coracle's.
        return;
    }
    let change =
        Change::new(ChangeKind::Remove, format!("the host is no longer part of cluster {}", site.cluster));
    draft.add(site, "unclaim", Work::host(HostOp::Unclaim, change), &needs);
}
