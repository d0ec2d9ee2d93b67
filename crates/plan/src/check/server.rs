//! Servers: one cluster, one server disrupted at a time, quorum, and legal version skew.

use std::collections::BTreeSet;

use model::{
    facts::{Facts, NodeFact},
    op::{HostOp, KubeOp, Run},
    plan::{Act, Await, Plan, Step, StepId},
};
use spec::{cluster::Version, name::NodeName};

use super::{Graph, Objection};
use crate::k3s;

pub(super) fn judge(plan: &Plan, facts: &Facts, graph: &Graph<'_>) -> Vec<Objection> {
    let mut objections: Vec<Objection> = one_cluster(plan, facts).into_iter().collect();
    objections.extend(one_at_a_time(plan, facts, graph));
    objections.extend(quorum(plan, facts));
    objections.extend(restarts(plan, facts));
    objections.extend(agents_behind(plan, facts, graph));
    objections.extend(agents_ahead(plan, facts, graph));
    objections
}

/// At most one server is told to found, and none while any host that answered has data, or one that may does not answer.
fn one_cluster(plan: &Plan, facts: &Facts) -> Option<Objection> {
    let founders: Vec<&Step> = plan.steps.iter().filter(|step| founds(step)).collect();
    let hosts: BTreeSet<&NodeName> = founders.iter().map(|step| &step.host).collect();
    let data = facts.hosts.keys().filter_map(|name| Some((name, facts.host(name)?)));
    let with_data: Vec<&NodeName> =
        data.filter(|(_, host)| host.stable.k3s.data.etcd).map(|(name, _)| name).collect();
    let text = if hosts.len() > 1 {
        "more than one server is told to found a cluster".to_owned()
    } else if let (Some(founder), Some(other)) =
        (hosts.first(), with_data.iter().find(|name| !hosts.contains(*name)))
    {
        format!("{founder} is told to found a cluster although {other} has the data of one")
    } else {
        return None;
    };
    Some(Objection {
        rule: "one-cluster",
        steps: founders.iter().map(|step| step.id.clone()).collect(),
        text,
    })
}

fn founds(step: &Step) -> bool {
    let Act::Host(op) = &step.act else { return false };
    op.content()
        .and_then(model::secret::Content::public)
        .is_some_and(|text| text.lines().any(|line| line.trim() == "cluster-init: true"))
}

/// Two servers of a cluster that serves are never down by our doing at the same time: between the restart of one and
/// that of the next lies the wait until the first is back. Servers that do not serve now may start together, and where
/// the whole cluster is given up there is nothing left to serve.
fn one_at_a_time(plan: &Plan, facts: &Facts, graph: &Graph<'_>) -> Vec<Objection> {
    let disrupting: Vec<&Step> = plan.steps.iter().filter(|step| disrupts(step, facts)).collect();
    if gives_up(plan, &disrupting, facts) {
        return Vec::new();
    }
    let mut objections = Vec::new();
    for (index, one) in disrupting.iter().enumerate() {
        for other in disrupting[index + 1..].iter().filter(|other| other.host != one.host) {
            let fine = back_before(plan, graph, one, other) || back_before(plan, graph, other, one);
            if !fine {
                objections.push(Objection {
                    rule: "one-server-at-a-time",
                    steps: vec![one.id.clone(), other.id.clone()],
                    text: format!("{} and {} may be down at the same time", one.host, other.host),
                });
            }
        }
    }
    objections
}

/// Whether every server that is disrupted, serves, or holds data of the cluster is cleared by this plan.
fn gives_up(plan: &Plan, disrupting: &[&Step], facts: &Facts) -> bool {
    let unclaims = |step: &&Step| matches!(step.act, Act::Host(HostOp::Unclaim));
    let cleared: BTreeSet<&NodeName> = plan.steps.iter().filter(unclaims).map(|step| &step.host).collect();
    let has_data =
        |name: &NodeName| facts.host(name).is_some_and(|host| host.stable.k3s.data.has_datastore());
    let servers = facts.hosts.keys().filter(|name| serves(name, facts) || has_data(name));
    servers.chain(disrupting.iter().map(|step| &step.host)).all(|name| cleared.contains(name))
}

/// Whether a step takes a serving etcd member down, or brings a new one in.
fn disrupts(step: &Step, facts: &Facts) -> bool {
    let Act::Host(op) = &step.act else { return false };
    let HostOp::SetService { name, run, .. } = op else {
        return matches!(op, HostOp::KillK3s) && serves(&step.host, facts);
    };
    if name != "k3s" {
        return false;
    }
    match run {
        Run::Started { .. } => serves(&step.host, facts) || joins(&step.host, facts),
        Run::Stopped => serves(&step.host, facts),
        Run::Any | Run::Reloaded { .. } | Run::Stamped { .. } => false,
    }
}

fn serves(host: &NodeName, facts: &Facts) -> bool {
    facts.kube.apis.get(host) == Some(&model::facts::Api::Ready)
}

fn joins(host: &NodeName, facts: &Facts) -> bool {
    facts.host(host).is_some_and(|facts| !facts.stable.k3s.data.has_datastore())
}

/// Whether `one` is certainly ready again before `other` begins.
fn back_before(plan: &Plan, graph: &Graph<'_>, one: &Step, other: &Step) -> bool {
    plan.steps.iter().any(|wait| {
        waits_for(wait, &one.host) && graph.orders(&one.id, &wait.id) && graph.orders(&wait.id, &other.id)
    })
}

fn waits_for(step: &Step, host: &NodeName) -> bool {
    match &step.act {
        Act::Wait {
            until: Await::NodeReady(name, _) | Await::Registered(name) | Await::Voter(name), ..
        } => name == host,
        _ => false,
    }
}

/// A member is only taken out while a majority of the others votes and is ready.
fn quorum(plan: &Plan, facts: &Facts) -> Vec<Objection> {
    let members: Vec<(&String, &NodeFact)> =
        facts.kube.nodes.iter().filter(|(_, node)| node.voter.is_some()).collect();
    let removed: Vec<(&StepId, &NodeName)> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.act {
            Act::Kube(KubeOp::RemoveMember { node }) => Some((&step.id, node)),
            _ => None,
        })
        .collect();
    let healthy = |without: &NodeName| {
        members
            .iter()
            .filter(|(name, node)| **name != without.as_str() && node.voter == Some(true) && node.ready)
            .count()
    };
    removed
        .iter()
        .filter(|(_, node)| members.len() > 1 && healthy(node) < (members.len() - 1) / 2 + 1)
        .map(|(step, node)| Objection {
            rule: "quorum",
            steps: vec![(*step).clone()],
            text: format!("without {node} etcd would have no majority of ready members"),
        })
        .collect()
}

/// A member that serves is only restarted while a majority of the others votes and is ready. With one or two members no
/// restart can keep the majority.
fn restarts(plan: &Plan, facts: &Facts) -> Vec<Objection> {
    let members: Vec<_> = facts.kube.nodes.iter().filter(|(_, node)| node.voter.is_some()).collect();
    let healthy = |(name, node): &(&String, &NodeFact)| {
        (node.voter == Some(true) && node.ready).then(|| name.as_str().to_owned())
    };
    let healthy: BTreeSet<String> = members.iter().filter_map(healthy).collect();
    let costs = |step: &&Step| {
        serves(&step.host, facts)
            && healthy.contains(step.host.as_str())
            && healthy.len() - 1 <= members.len() / 2
            && members.len() > 2
    };
    let wrong = plan.steps.iter().filter(|step| starts(step, "k3s")).filter(costs);
    wrong
        .map(|step| Objection {
            rule: "quorum",
            steps: vec![step.id.clone()],
            text: format!("while {} restarts etcd would have no majority of ready members", step.host),
        })
        .collect()
}

/// No agent gets a version before every server has it.
fn agents_behind(plan: &Plan, facts: &Facts, graph: &Graph<'_>) -> Vec<Objection> {
    let servers = plan.steps.iter().filter(|step| starts(step, "k3s"));
    let upgrades: Vec<&Step> = servers.filter(|step| changes_version(plan, &step.host, facts)).collect();
    let mut objections = Vec::new();
    for agent in plan.steps.iter().filter(|step| starts(step, "k3s-agent")) {
        for server in &upgrades {
            if !back_before(plan, graph, server, agent) {
                objections.push(Objection {
                    rule: "agents-behind-servers",
                    steps: vec![agent.id.clone(), server.id.clone()],
                    text: format!("agent {} may get its version before server {}", agent.host, server.host),
                });
            }
        }
    }
    objections
}

/// No agent gets a version that is newer than what an API server runs, unless that one is brought to it before.
fn agents_ahead(plan: &Plan, facts: &Facts, graph: &Graph<'_>) -> Vec<Objection> {
    let mut objections = Vec::new();
    for agent in plan.steps.iter().filter(|step| starts(step, "k3s-agent")) {
        let Some(version) = awaited(plan, &agent.host) else { continue };
        let node = facts.kube.nodes.get(agent.host.as_str());
        if node.is_some_and(|node| node.version.as_ref() >= Some(version)) {
            continue;
        }
        let older = api_servers(facts).filter(|(_, runs)| runs.minor < version.minor);
        for (server, runs) in older {
            let brought = plan.steps.iter().any(|step| {
                step.host.as_str() == server && starts(step, "k3s") && back_before(plan, graph, step, agent)
            });
            if !brought {
                objections.push(Objection {
                    rule: "agents-behind-servers",
                    steps: vec![agent.id.clone()],
                    text: format!("agent {} gets {version}, but {server} runs {runs}", agent.host),
                });
            }
        }
    }
    objections
}

/// Which version a node is waited for with.
fn awaited<'a>(plan: &'a Plan, host: &NodeName) -> Option<&'a Version> {
    plan.steps.iter().find_map(|step| match &step.act {
        Act::Wait { until: Await::NodeReady(name, version), .. } if name == host => version.as_ref(),
        _ => None,
    })
}

/// The servers of the cluster and what they run at most: a Node may tell of what ran before the last restart, and the
/// binary may have been changed since. A host without data is no server any more, whatever its Node says.
fn api_servers(facts: &Facts) -> impl Iterator<Item = (&str, &Version)> {
    let nodes = facts.kube.nodes.iter().filter(|(_, node)| node.labels.contains_key(k3s::CONTROL_PLANE));
    nodes.filter_map(|(name, node)| {
        let host = facts.hosts.keys().find(|host| host.as_str() == name).and_then(|host| facts.host(host));
        let k3s = host.map(|host| &host.stable.k3s);
        if k3s.is_some_and(|k3s| !k3s.data.has_datastore()) {
            return None;
        }
        let binary = k3s.and_then(|k3s| k3s.version.as_ref());
        Some((name.as_str(), binary.max(node.version.as_ref())?))
    })
}

fn starts(step: &Step, service: &str) -> bool {
    matches!(&step.act, Act::Host(HostOp::SetService { name, run: Run::Started { .. }, .. }) if name == service)
}

fn changes_version(plan: &Plan, host: &NodeName, facts: &Facts) -> bool {
    let had_one = facts
        .host(host)
        .is_some_and(|facts| facts.stable.k3s.version.is_some() && facts.stable.k3s.data.has_datastore());
    let fetches =
        |step: &Step| step.host == *host && matches!(step.act, Act::Host(HostOp::FetchArtifact { .. }));
    had_one && plan.steps.iter().any(fetches)
}
