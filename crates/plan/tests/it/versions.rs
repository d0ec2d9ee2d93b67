//! No kubelet is newer than an API server it may meet, and a new version is not taken for granted.

use crate::world::{at, codes, darken, fresh, make, member, nodes, pretend};

const OLD: &str = "v1.35.6+k3s1";

#[test]
fn a_new_agent_whose_binary_is_there_waits_for_a_server_that_is_dark() {
    let cluster = nodes(3, 1, "kubernetes: {datastore: etcd}");
    let mut facts = fresh(&cluster);
    for name in ["s1", "s2", "s3", "a1"] {
        member(&mut facts, name, name.starts_with('s'), "ca");
    }
    pretend(&cluster, &mut facts);
    facts.kube.nodes.remove("a1");
    let agent = at(&mut facts, "a1");
    agent.stable.k3s.data = model::facts::Datadir::default();
    agent.stable.k3s.node_password = None;
    agent.stable.services.clear();
    facts.kube.nodes.get_mut("s3").unwrap().version = Some(OLD.parse().unwrap());
    darken(&mut facts, "s3");
    facts.kube.apis.remove(&"s3".parse::<spec::name::NodeName>().unwrap());

    let (plan, report) = make(&cluster, &facts);
    assert!(codes(&report).contains(&"server-behind".to_owned()), "{:?}", codes(&report));
    let starts = plan.steps.iter().filter(|step| step.id.as_str() == "a1: start k3s-agent");
    assert_eq!(starts.count(), 0);
}

#[test]
fn a_node_that_still_tells_of_the_version_before_is_waited_for() {
    let cluster = nodes(1, 1, "kubernetes: {datastore: etcd}");
    let mut facts = fresh(&cluster);
    member(&mut facts, "s1", true, "ca");
    member(&mut facts, "a1", false, "ca");
    pretend(&cluster, &mut facts);
    assert!(make(&cluster, &facts).0.is_empty());
    facts.kube.nodes.get_mut("a1").unwrap().version = Some(OLD.parse().unwrap());
    let (plan, _) = make(&cluster, &facts);
    let steps: Vec<_> = plan.steps.iter().map(|step| step.id.to_string()).collect();
    assert_eq!(steps, ["a1: node ready"]);
}
