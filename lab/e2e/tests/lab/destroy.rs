//! The end of a node, and of a cluster.

use crate::{
    api::Api,
    file::ClusterFile,
    lab::{Host, Lab, changes},
    operator::Operator,
};

#[test]
fn a_destroyed_node_and_a_destroyed_cluster_leave_nothing_behind() {
    let Some(lab) = Lab::find() else { return };
    let lent = lab.lend(&["curl", "curl", "openrc"]);
    let [server, agent, leaver] = &lent.hosts[..] else { unreachable!("three were asked for") };
    let before: Vec<_> = lent.hosts.iter().map(Host::picture).collect();
    let operator = Operator::new(lab, "destroy");
    let file =
        ClusterFile::new(lab, "destroy").server("root", server).agent("ops", agent).agent("ops", leaver);
    let file =
        file.os("files: [{path: /etc/motd, content: \"hello\\n\"}, {path: /etc/deep/er/file, content: x}]");
    operator.wants(&file);
    operator.ends(0, &["apply", "--yes"]);
    let main_pid = |host: &Host, unit: &str| host.sh(&format!("systemctl show -P MainPID {unit}"));
    let running = (main_pid(server, "k3s"), main_pid(agent, "k3s-agent"));

    operator.ends(64, &["destroy", &leaver.name, "--yes"]);
    operator.ends(0, &["destroy", &leaver.name, "--confirm", &leaver.name]);
    as_it_was(leaver, &before[2]);
    Api::of(&operator).all_ready(&[&server.name, &agent.name]);
    assert_eq!((main_pid(server, "k3s"), main_pid(agent, "k3s-agent")), running, "the others were disturbed");

    operator.wants(&file.without(leaver));
    operator.ends(0, &["plan"]);
    operator.ends(0, &["destroy", "--confirm", "destroy"]);
    as_it_was(server, &before[0]);
    as_it_was(agent, &before[1]);
    operator.leaves_no_secret(&lent);
}

#[test]
fn a_destroyed_server_leaves_etcd_and_the_rest_goes_on() {
    let Some(lab) = Lab::find() else { return };
    let lent = lab.lend(&["curl", "curl", "curl"]);
    let [first, second, agent] = &lent.hosts[..] else { unreachable!("three were asked for") };
    let before = first.picture();
    let operator = Operator::new(lab, "destroy-server");
    let file = ClusterFile::new(lab, "fewer")
        .kubernetes("datastore: etcd")
        .server("root", first)
        .server("ops", second)
        .agent("ops", agent);
    operator.wants(&file);
    operator.ends(0, &["apply", "--yes"]);
    operator.ends(0, &["destroy", &first.name, "--confirm", &first.name]);
    as_it_was(first, &before);
    operator.wants(&file.without(first));
    Api::of(&operator).all_ready(&[&second.name, &agent.name]);
    assert_eq!(Api::of(&operator).nodes()[0].votes, Some(true));
    operator.ends(0, &["apply", "--yes"]);
    operator
        .ends(77, &["destroy", &second.name, "--confirm", &second.name])
        .tells(&[&second.name, "last server"]);
    operator.leaves_no_secret(&lent);
}

/// Nothing is on the host that was not there before, and nothing is missing.
fn as_it_was(host: &Host, before: &[String]) {
    let changes = changes(before, &host.picture());
    assert!(changes.is_empty(), "{} is not as it was: {changes:#?}", host.name);
    assert_eq!(host.sh("ps -ef | grep '[k]3s ' || :"), "", "{}", host.name);
}
