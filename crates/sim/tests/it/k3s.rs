//! Rules of k3s, each a sentence.

use model::{
    facts::Api,
    op::{KubeOp, Run},
    plan::Await,
    reply::{FailureKind, KubeReply},
};

use crate::yard::{Hand, V36, V37, file, name, no_labels, service_step, version, world};

const DROP_IN: &str = "/etc/rancher/k3s/config.yaml.d/50-coracle.yaml";

fn restart(hand: &Hand, host: &str, service: &str, config: &str) {
    hand.good(host, file(DROP_IN, config));
    hand.good(host, service_step(service, None, Run::Started { stamp: Some(format!("again {config}")) }));
}

#[test]
fn a_server_with_cluster_init_founds_a_cluster_and_votes() {
    let hand = Hand::new(&world(1));
    hand.found("");
    let node = hand.node("a");
    assert_eq!((node.voter, node.version), (Some(true), Some(version(V36))));
    let facts = hand.facts("a").stable.k3s;
    assert!(facts.data.etcd && !facts.data.sqlite && facts.node_password.is_some());
    assert_eq!(facts.data.server_ca, facts.data.agent_ca);
    assert_eq!(hand.violations(), [""; 0]);
}

#[test]
fn a_server_without_cluster_init_and_server_founds_on_sqlite() {
    let hand = Hand::new(&world(1));
    hand.install("a", "server", V36, "");
    hand.wait(&Await::NodeReady(name("a"), None));
    let data = hand.facts("a").stable.k3s.data;
    assert!(data.sqlite && !data.etcd);
    assert_eq!(hand.node("a").voter, None);
}

#[test]
fn sqlite_becomes_etcd_when_cluster_init_is_added_and_keeps_its_nodes() {
    let hand = Hand::new(&world(1));
    hand.install("a", "server", V36, "");
    hand.wait(&Await::NodeReady(name("a"), None));
    let ca = hand.facts("a").stable.k3s.data.server_ca;
    restart(&hand, "a", "k3s", "cluster-init: true");
    hand.wait(&Await::Voter(name("a")));
    let data = hand.facts("a").stable.k3s.data;
    assert!(data.etcd && !data.sqlite);
    assert_eq!(data.server_ca, ca);
}

#[test]
fn servers_join_as_learners_and_become_voters_after_a_while() {
    let hand = Hand::new(&world(3));
    hand.found("");
    hand.install("b", "server", V36, &format!("server: https://10.0.0.1:6443\ntoken: {}\n", hand.token()));
    hand.pass(4);
    assert_eq!(hand.reason("b"), r#"Down("the etcd member is a learner")"#);
    hand.wait(&Await::Voter(name("b")));
    assert!(matches!(hand.kube().apis[&name("b")], Api::Ready));
}

#[test]
fn only_one_learner_joins_at_a_time() {
    let hand = Hand::new(&world(3));
    hand.found("");
    let config = format!("server: https://10.0.0.1:6443\ntoken: {}\n", hand.token());
    hand.install("b", "server", V36, &config);
    hand.install("c", "server", V36, &config);
    let mut seen = String::new();
    while !seen.contains("too many learner members") {
        hand.pass(1);
        seen = hand.reason("c");
        assert!(!seen.contains("Ready"), "{seen}");
    }
    hand.wait(&Await::Voter(name("c")));
    assert_eq!(hand.violations(), [""; 0]);
}

#[test]
fn an_agent_joins_with_the_agent_token_and_a_server_does_not() {
    let hand = Hand::new(&world(4));
    hand.found("agent-token: only-for-agents\n");
    let agent_token = hand.secret("a", "/var/lib/rancher/k3s/server/agent-token");
    let config = format!("server: https://10.0.0.1:6443\ntoken: {agent_token}\n");
    hand.install("d", "agent", V36, &config);
    hand.wait(&Await::NodeReady(name("d"), Some(version(V36))));
    hand.install("b", "server", V36, &format!("{config}agent-token: only-for-agents\n"));
    hand.pass(10);
    assert!(hand.reason("b").contains("not authorized"), "{}", hand.reason("b"));
}

#[test]
fn a_server_without_a_token_passes_over_the_one_it_is_to_join_and_founds_a_cluster() {
    let hand = Hand::new(&world(2));
    hand.found("");
    hand.install("b", "server", V36, "server: https://10.0.0.1:6443\n");
    hand.pass(30);
    assert_eq!(hand.violations(), ["b founds a second cluster (sqlite)"]);
}

#[test]
fn without_an_agent_token_its_file_is_a_link_to_the_server_token() {
    let hand = Hand::new(&world(1));
    hand.found("");
    assert_eq!(hand.secret("a", "/var/lib/rancher/k3s/server/agent-token"), format!("{}\n", hand.token()));
}

#[test]
fn a_token_of_another_ca_is_refused() {
    let hand = Hand::new(&world(2));
    hand.found("");
    let token = format!("K10{}::server:anything", "0".repeat(64));
    hand.install("b", "server", V36, &format!("server: https://10.0.0.1:6443\ntoken: {token}\n"));
    hand.pass(10);
    assert!(hand.reason("b").contains("CA hash does not match"), "{}", hand.reason("b"));
}

#[test]
fn servers_that_disagree_on_what_must_be_equal_do_not_join() {
    let hand = Hand::new(&world(2));
    hand.found("");
    let token = hand.token();
    let config = format!("server: https://10.0.0.1:6443\ntoken: {token}\nsecrets-encryption: true\n");
    hand.install("b", "server", V36, &config);
    hand.pass(10);
    let seen = hand.reason("b");
    assert!(
        seen.contains("critical configuration value mismatch between servers: secrets-encryption"),
        "{seen}"
    );
}

#[test]
fn a_server_that_cannot_reach_the_one_it_joins_waits_and_joins_later() {
    let hand = Hand::new(&world(2));
    let config = "token: shared-token\nserver: https://10.0.0.1:6443\n";
    hand.install("b", "server", V36, config);
    hand.pass(20);
    assert!(hand.reason("b").contains("failed to get CA certs"), "{}", hand.reason("b"));
    hand.found("token: shared-token\n");
    hand.wait(&Await::Voter(name("b")));
    assert_eq!(hand.violations(), [""; 0]);
}

#[test]
fn three_servers_survive_one_and_lose_their_api_with_two() {
    let hand = Hand::new(&world(3));
    hand.three();
    hand.fault("kill a at 0s");
    hand.pass(1);
    assert!(hand.kube().answers());
    hand.fault("kill b at 0s");
    hand.pass(1);
    assert!(!hand.kube().answers());
    assert!(hand.reason("c").contains("1 of 3 voting members are up"), "{}", hand.reason("c"));
}

#[test]
fn a_majority_that_starts_together_comes_back() {
    let hand = Hand::new(&world(3));
    hand.three();
    for host in ["a", "b", "c"] {
        hand.fault(&format!("kill {host}"));
    }
    hand.pass(60);
    for host in ["b", "c"] {
        hand.fault(&format!("boot {host}"));
    }
    hand.wait(&Await::NodeReady(name("c"), None));
    assert!(!hand.node("a").ready);
}

#[test]
fn a_node_turns_not_ready_forty_seconds_after_its_host_went_down() {
    let hand = Hand::new(&world(3));
    hand.three();
    hand.fault("kill c");
    hand.pass(20);
    assert!(hand.node("c").ready);
    hand.pass(35);
    let node = hand.node("c");
    assert!(!node.ready && node.reason.starts_with("NodeStatusUnknown"), "{}", node.reason);
}

#[test]
fn a_wiped_server_founds_nothing_and_stays_a_member_until_it_is_removed() {
    let hand = Hand::new(&world(3));
    hand.three();
    let join = format!("server: https://10.0.0.2:6443\ntoken: {}\n", hand.token());
    hand.good("a", file(DROP_IN, &join));
    hand.fault("wipe a");
    hand.pass(60);
    let seen = hand.reason("a");
    assert!(seen.contains("duplicate node name"), "{seen}");
    assert_eq!(hand.ask(&KubeOp::RemoveMember { node: name("a") }), Ok(KubeReply::Changed));
    assert_eq!(hand.ask(&KubeOp::DeleteNode { node: name("a") }), Ok(KubeReply::Changed));
    hand.wait(&Await::Voter(name("a")));
    assert_eq!(hand.violations(), [""; 0]);
    assert_eq!(hand.0.world_ref().borrow().clusters_alive(), 1);
}

#[test]
fn a_founder_that_is_wiped_with_cluster_init_still_set_founds_a_second_cluster_and_is_watched() {
    let hand = Hand::new(&world(3));
    hand.three();
    hand.fault("wipe a");
    hand.pass(60);
    assert_eq!(hand.violations(), ["a founds a second cluster (etcd)"]);
}

#[test]
fn a_node_whose_password_was_lost_is_rejected_until_its_node_is_deleted() {
    let hand = Hand::new(&world(4));
    hand.found("");
    let config = format!("server: https://10.0.0.1:6443\ntoken: {}\n", hand.token());
    hand.install("d", "agent", V36, &config);
    hand.wait(&Await::NodeReady(name("d"), None));
    hand.fault("wipe d");
    hand.pass(90);
    assert!(!hand.node("d").ready);
    assert_eq!(hand.ask(&KubeOp::DeleteNode { node: name("d") }), Ok(KubeReply::Changed));
    hand.wait(&Await::NodeReady(name("d"), None));
}

#[test]
fn labels_and_taints_of_the_configuration_count_only_at_the_first_registration() {
    let hand = Hand::new(&world(1));
    let first = "node-label: [zone=home]\nnode-taint: [\"dedicated=db:NoSchedule\"]\n";
    hand.found(first);
    assert_eq!(hand.node("a").labels.get("zone").map(String::as_str), Some("home"));
    assert_eq!(hand.node("a").taints.len(), 1);
    restart(&hand, "a", "k3s", "node-label: [zone=away]\n");
    hand.pass(30);
    assert_eq!(hand.node("a").labels.get("zone").map(String::as_str), Some("home"));
}

#[test]
fn an_agent_newer_than_its_servers_is_refused() {
    let hand = Hand::new(&world(4));
    hand.found("");
    let config = format!("server: https://10.0.0.1:6443\ntoken: {}\n", hand.token());
    hand.install("d", "agent", V37, &config);
    hand.pass(30);
    assert!(!hand.kube().nodes.contains_key("d"));
    assert!(hand.violations()[0].contains("while a server runs v1.36.4+k3s1"), "{:?}", hand.violations());
}

#[test]
fn a_server_does_not_go_back_to_an_older_minor() {
    let hand = Hand::new(&world(1));
    hand.install("a", "server", V37, "cluster-init: true\n");
    hand.wait(&Await::NodeReady(name("a"), Some(version(V37))));
    hand.install("a", "server", V36, "cluster-init: true\n# older\n");
    hand.pass(20);
    assert!(hand.reason("a").contains("newer than v1.36.4+k3s1"), "{}", hand.reason("a"));
}

#[test]
fn an_agent_outlives_the_server_it_joined_by() {
    let hand = Hand::new(&world(4));
    hand.three();
    let config = format!("server: https://10.0.0.1:6443\ntoken: {}\n", hand.token());
    hand.install("d", "agent", V36, &config);
    hand.wait(&Await::NodeReady(name("d"), None));
    for fault in ["kill a", "reboot d"] {
        hand.fault(fault);
    }
    hand.pass(90);
    assert!(hand.node("d").ready && !hand.node("a").ready);
}

#[test]
fn without_flannel_nodes_register_and_wait_for_a_cni() {
    let hand = Hand::new(&world(1));
    hand.install("a", "server", V36, "cluster-init: true\nflannel-backend: none\n");
    hand.wait(&Await::Registered(name("a")));
    hand.pass(30);
    let node = hand.node("a");
    assert!(!node.ready && node.reason.contains("cni plugin not initialized"), "{}", node.reason);
}

#[test]
fn a_voter_that_does_not_answer_and_a_node_without_member_are_said_not_to_vote() {
    let hand = Hand::new(&world(3));
    hand.three();
    hand.fault("kill c");
    hand.pass(20);
    assert_eq!(hand.node("c").voter, Some(false));
    hand.ask(&KubeOp::RemoveMember { node: name("c") }).expect("a and b keep the quorum");
    hand.pass(20);
    assert_eq!(hand.node("c").voter, Some(false));
}

#[test]
fn a_learner_that_went_away_is_given_up_after_five_minutes() {
    let hand = Hand::new(&world(3));
    hand.found("");
    let config = format!("server: https://10.0.0.1:6443\ntoken: {}\n", hand.token());
    hand.install("b", "server", V36, &config);
    hand.pass(4);
    hand.fault("kill b");
    hand.install("c", "server", V36, &config);
    hand.pass(240);
    assert!(hand.reason("c").contains("too many learner members"), "{}", hand.reason("c"));
    hand.pass(90);
    hand.wait(&Await::Voter(name("c")));
}

#[test]
fn a_removed_member_joins_anew_where_it_has_a_server_to_join() {
    let hand = Hand::new(&world(3));
    hand.three();
    assert_eq!(hand.ask(&KubeOp::RemoveMember { node: name("c") }), Ok(KubeReply::Changed));
    hand.pass(9);
    assert!(hand.reason("c").contains("removed"), "{}", hand.reason("c"));
    hand.wait(&Await::Voter(name("c")));
}

#[test]
fn a_removed_founder_that_names_no_server_stays_away() {
    let hand = Hand::new(&world(3));
    hand.three();
    assert_eq!(hand.ask(&KubeOp::RemoveMember { node: name("a") }), Ok(KubeReply::Changed));
    hand.pass(60);
    assert!(hand.reason("a").contains("tombstone"), "{}", hand.reason("a"));
    assert_eq!(hand.ask(&KubeOp::RemoveMember { node: name("a") }), Ok(KubeReply::Unchanged));
    assert_eq!(hand.0.world_ref().borrow().clusters_alive(), 1);
}

#[test]
fn a_member_is_not_removed_where_that_would_cost_the_quorum() {
    let hand = Hand::new(&world(3));
    hand.three();
    hand.fault("kill c");
    hand.pass(1);
    let refused = hand.ask(&KubeOp::RemoveMember { node: name("b") }).expect_err("etcd refuses");
    assert_eq!(refused.kind, FailureKind::Refused);
    assert!(refused.detail.contains("not enough started members"), "{}", refused.detail);
}

#[test]
fn no_server_joins_while_a_voter_is_down() {
    let hand = Hand::new(&world(4));
    hand.three();
    let config = format!("server: https://10.0.0.1:6443\ntoken: {}\n", hand.token());
    hand.fault("kill c");
    hand.install("d", "server", V36, &config);
    hand.pass(30);
    assert!(!hand.kube().nodes.contains_key("d"));
    hand.ask(&KubeOp::RemoveMember { node: name("c") }).expect("a and b keep the quorum");
    hand.wait(&Await::Voter(name("d")));
}

#[test]
fn setting_a_node_twice_changes_it_once() {
    let hand = Hand::new(&world(1));
    hand.found("");
    let mut op = no_labels("a");
    let KubeOp::SetNode { labels, .. } = &mut op else { unreachable!() };
    labels.insert("zone".into(), "home".into());
    assert_eq!(hand.ask(&op), Ok(KubeReply::Changed));
    assert_eq!(hand.ask(&op), Ok(KubeReply::Unchanged));
    assert_eq!(hand.node("a").owned_labels, ["zone"]);
}

#[test]
fn the_kubeconfig_is_there_and_its_mode_is_as_configured() {
    let hand = Hand::new(&world(1));
    hand.found("write-kubeconfig-mode: \"0640\"\n");
    let survey = model::op::Survey {
        paths: [("/etc/rancher/k3s/k3s.yaml".to_owned(), model::op::Look::Meta)].into(),
        ..Default::default()
    };
    let facts = hand.survey("a", survey).stable;
    let model::facts::FileFact::File { meta, .. } = &facts.files["/etc/rancher/k3s/k3s.yaml"] else {
        panic!("no file")
    };
    assert_eq!(meta.mode, 0o640);
}

#[test]
fn the_merged_configuration_is_observed_without_its_secrets() {
    let hand = Hand::new(&world(1));
    hand.good("a", file("/etc/rancher/k3s/config.yaml", "token: boop\nnode-label: [a=b]\n"));
    hand.good("a", file(DROP_IN, "node-label+: [c=d]\n"));
    let config = hand.facts("a").stable.k3s.config;
    assert_eq!(config["token"].value, None);
    assert_eq!(config["node-label"].value.as_deref(), Some(r#"["a=b","c=d"]"#));
    assert_eq!(config["node-label"].source, model::facts::ConfigSource::File(DROP_IN.into()));
}
