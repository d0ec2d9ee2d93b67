//! Several servers: founded and joined in turn, one wiped, all stopped.

use std::thread;

use crate::{
    api::Api,
    file::ClusterFile,
    lab::{Host, Lab, until},
    operator::{Done, Operator, ended},
};

#[test]
fn three_servers_come_about_one_after_the_other_and_outlive_a_wiped_founder_and_a_full_stop() {
    let Some(lab) = Lab::find() else { return };
    let lent = lab.lend(&["curl", "curl", "curl"]);
    let [first, second, third] = &lent.hosts[..] else { unreachable!("three were asked for") };
    let names = [first, second, third].map(|host| host.name.as_str());
    let operator = Operator::new(lab, "several");
    operator.wants(
        &ClusterFile::new(lab, "several").server("root", first).server("ops", second).server("ops", third),
    );
    one_after_the_other(&operator.ends(0, &["apply", "--yes", "-o", "json"]), &names);
    all_vote(&operator, &names);
    let ca = ca_of(second);
    operator.ends(0, &["plan"]);

    // Its data is gone, its service and configuration are not: it starts, and must not found.
    first.sh("systemctl stop k3s; rm -rf /var/lib/rancher /etc/rancher/node");
    first.befall(&["reboot"]);
    until("k3s on the founder has tried", || {
        first.says("journalctl -b -u k3s | grep -q 'k3s.service: Failed'")
    });
    assert!(
        !first.says("[ -e /var/lib/rancher/k3s/server/tls/server-ca.crt ]"),
        "it founded another cluster"
    );
    // Its whole disk goes too: nothing there knows of the cluster any more.
    first.befall(&["wipe"]);
    operator.ends(0, &["apply", "--yes"]);
    all_vote(&operator, &names);

    let stops: Vec<_> = [first, second, third]
        .map(|host| {
            let host = host.clone();
            thread::spawn(move || host.sh("systemctl stop k3s"))
        })
        .into_iter()
        .collect();
    for stop in stops {
        stop.join().unwrap();
    }
    operator.ends(0, &["apply", "--yes"]);
    all_vote(&operator, &names);
    operator.ends(0, &["plan"]);
    assert!([first, second, third].iter().all(|host| ca_of(host) == ca), "it is another cluster");
    operator.leaves_no_secret(&lent);
}

/// Each server is started when the one before it votes.
fn one_after_the_other(apply: &Done, names: &[&str]) {
    let events = apply.events();
    let when = |host: &str, step: &str| {
        let at = events.iter().position(|event| event["what"]["host"] == host && ended(event, step));
        at.unwrap_or_else(|| panic!("{host} never did {step:?}"))
    };
    for pair in names.windows(2) {
        let (voted, started) = (when(pair[0], "etcd votes"), when(pair[1], "start k3s"));
        assert!(voted < started, "{} was started before {} voted", pair[1], pair[0]);
    }
}

fn all_vote(operator: &Operator, names: &[&str]) {
    let api = Api::of(operator);
    api.all_ready(names);
    assert!(api.nodes().iter().all(|node| node.votes == Some(true)), "{:?}", api.nodes());
}

fn ca_of(host: &Host) -> String {
    host.sh("sha256sum </var/lib/rancher/k3s/server/tls/server-ca.crt")
}
