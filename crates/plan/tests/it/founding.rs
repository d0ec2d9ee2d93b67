//! Founding, joining and coming back are decided from evidence.

use insta::assert_snapshot;

use crate::world::{at, codes, darken, fresh, make, member, members, nodes, turns};

#[test]
fn three_fresh_servers_found_once_and_join_one_after_the_other() {
    let cluster = nodes(3, 1, "");
    let (plan, report) = make(&cluster, &fresh(&cluster));
    assert_eq!(codes(&report), [""; 0]);
    assert_snapshot!(turns(&plan).join("\n"), @r"
    s1: k3s binary
    s1: make server password
    s1: make agent password
    s1: start k3s
    s1: API ready
    s1: node ready
    s1: etcd votes
    s1: settle
    s1: read server token
    s1: read agent password
    s2: k3s binary
    s2: start k3s
    s2: API ready
    s2: node ready
    s2: etcd votes
    s3: k3s binary
    s3: start k3s
    s3: API ready
    s3: node ready
    s3: etcd votes
    s1: read agent token
    a1: k3s binary
    a1: start k3s-agent
    a1: node ready
    ");
}

#[test]
fn nothing_is_founded_while_a_server_does_not_answer() {
    let cluster = nodes(3, 1, "");
    let mut facts = fresh(&cluster);
    darken(&mut facts, "s2");
    let (plan, report) = make(&cluster, &facts);
    assert!(report.has("founding-blocked") && report.has("host-dark"), "{report:?}");
    let started: Vec<_> = turns(&plan).into_iter().filter(|turn| turn.contains("start k3s")).collect();
    assert_eq!(started, [""; 0]);
    assert!(turns(&plan).contains(&"s1: k3s binary".to_owned()), "what needs nobody else goes on");
}

#[test]
fn the_order_of_the_list_decides_nothing() {
    let mut cluster = nodes(3, 2, "");
    let facts = fresh(&cluster);
    let (one, _) = make(&cluster, &facts);
    cluster.nodes.reverse();
    let (other, _) = make(&cluster, &facts);
    let sorted = |plan: &model::plan::Plan| {
        let mut ids: Vec<_> = plan.steps.iter().map(|step| (step.id.clone(), step.needs.clone())).collect();
        ids.sort();
        ids
    };
    assert_eq!(sorted(&one), sorted(&other));
}

#[test]
fn a_wiped_first_server_joins_and_founds_nothing() {
    let cluster = nodes(3, 0, "");
    let mut facts = members(&cluster, &["s1", "s2", "s3"]);
    let wiped = fresh(&cluster).hosts.remove(&"s1".parse().unwrap()).unwrap();
    facts.hosts.insert("s1".parse().unwrap(), wiped);
    facts.kube.apis.insert("s1".parse().unwrap(), model::facts::Api::Down("refused".into()));
    facts.kube.nodes.get_mut("s1").unwrap().ready = false;
    let (plan, report) = make(&cluster, &facts);
    let turns = turns(&plan);
    let place = |what: &str| {
        turns.iter().position(|turn| turn == what).unwrap_or_else(|| panic!("{what} in {turns:#?}"))
    };
    assert!(place("s1: remove member") < place("s1: delete node"));
    assert!(place("s1: delete node") < place("s1: start k3s"));
    let text = serde_json::to_string(&plan).unwrap();
    assert!(!text.contains("cluster-init: true"), "{report:?}");
}

#[test]
fn a_new_server_touches_no_other_host() {
    let small = nodes(2, 0, "");
    let cluster = nodes(3, 0, "");
    let mut facts = fresh(&cluster);
    let settled = settle(&small, &mut facts);
    assert_eq!(settled, 0, "the two are as they should be");
    let (plan, _) = make(&cluster, &facts);
    let touched: Vec<_> =
        plan.steps.iter().filter(|step| step.host.as_str() != "s3").map(|step| step.id.as_str()).collect();
    assert_eq!(touched, ["s1: read server token", "s1: read agent password"]);
}

/// Makes the small cluster's hosts look as if their plans had been carried out, as far as stamps and files go.
fn settle(small: &spec::cluster::Cluster, facts: &mut model::facts::Facts) -> usize {
    for name in ["s1", "s2"] {
        member(facts, name, true, "ca");
    }
    crate::world::pretend(small, facts);
    make(small, facts).0.steps.len()
}

#[test]
fn servers_with_data_and_no_api_start_together() {
    let cluster = nodes(3, 0, "");
    let mut facts = fresh(&cluster);
    for name in ["s1", "s2", "s3"] {
        member(&mut facts, name, true, "ca");
        at(&mut facts, name).stable.services.get_mut("k3s").unwrap().active = false;
    }
    facts.kube = model::facts::KubeFacts::default();
    let (plan, _) = make(&cluster, &facts);
    let starts = plan.steps.iter().filter(|step| step.id.as_str().contains("start k3s"));
    for step in starts {
        let waits: Vec<_> =
            step.needs.iter().filter(|need| !need.as_str().starts_with(step.host.as_str())).collect();
        assert!(waits.is_empty(), "{} waits for {waits:?}", step.id);
    }
}

#[test]
fn servers_of_two_clusters_are_refused() {
    let cluster = nodes(3, 0, "");
    let mut facts = fresh(&cluster);
    member(&mut facts, "s1", true, "one");
    member(&mut facts, "s2", true, "other");
    let (plan, report) = make(&cluster, &facts);
    assert!(plan::forbids(&report) && report.has("servers-of-two-clusters"), "{report:?}");
    assert!(!turns(&plan).iter().any(|turn| turn.contains("k3s")));
}

#[test]
fn a_k3s_that_coracle_did_not_install_is_left_alone() {
    let cluster = nodes(1, 1, "");
    let mut facts = fresh(&cluster);
    member(&mut facts, "a1", false, "theirs");
    at(&mut facts, "a1").stable.owned = None;
    facts.kube = model::facts::KubeFacts::default();
    let (plan, report) = make(&cluster, &facts);
    assert!(report.has("foreign-k3s"), "{report:?}");
    assert!(plan.steps.iter().all(|step| step.host.as_str() != "a1"));
    assert!(turns(&plan).contains(&"s1: start k3s".to_owned()), "the other host goes on");
}

#[test]
fn a_dark_server_that_no_node_tells_of_counts_as_a_voter() {
    let cluster = nodes(4, 0, "");
    let mut facts = members(&cluster, &["s1", "s2", "s3"]);
    crate::world::darken(&mut facts, "s4");
    let (plan, report) = make(&cluster, &facts);
    assert!(report.has("quorum-at-risk"), "two of four would be left: {report:?}");
    assert!(!turns(&plan).iter().any(|turn| turn.contains("restart k3s")), "{:?}", turns(&plan));

    // One voter alone and an API that answers: then the other cannot vote.
    for name in ["s2", "s3"] {
        facts.kube.nodes.remove(name);
        facts.kube.apis.remove(&name.parse().unwrap());
        let fresh = fresh(&cluster).hosts.remove(&name.parse().unwrap()).unwrap();
        facts.hosts.insert(name.parse().unwrap(), fresh);
    }
    let (_, report) = make(&cluster, &facts);
    assert!(!report.has("quorum-at-risk"), "{report:?}");
}
