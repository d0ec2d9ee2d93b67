//! What is taken out of the cluster file.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    api::Api,
    file::ClusterFile,
    lab::{Host, Lab},
    operator::{Done, Operator},
};

const UNIT: &str = "[Service]\\nExecStart=/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n";

#[test]
fn what_is_taken_out_of_the_file_goes_and_nothing_else_does() {
    let Some(lab) = Lab::find() else { return };
    let lent = lab.lend(&["curl", "curl"]);
    let [server, agent] = &lent.hosts[..] else { unreachable!("two were asked for") };
    for host in [server, agent] {
        host.sh(&format!(
            "printf 'theirs\\n' >/etc/kept.conf; printf 'theirs\\n' >/etc/foreign.conf; chmod 0640 /etc/kept.conf
             printf '{UNIT}' >/etc/systemd/system/tick.service; systemctl daemon-reload"
        ));
    }
    let operator = Operator::new(lab, "removal");
    let small = ClusterFile::new(lab, "removal").server("ops", server).agent("ops", agent);
    let grown = small
        .clone()
        .os("files: [{path: /etc/new.conf, content: \"ours\\n\"}, {path: /etc/kept.conf, content: \"ours\\n\"}]")
        .os("sysctls: {net.ipv4.tcp_fin_timeout: \"31\"}")
        .os("services: [{name: tick}]");
    operator.wants(&grown);
    operator.ends(0, &["apply", "--yes"]);
    for host in [server, agent] {
        assert_eq!(
            host.sh("cat /etc/new.conf /etc/kept.conf /proc/sys/net/ipv4/tcp_fin_timeout"),
            "ours\nours\n31"
        );
        assert_eq!(host.sh("systemctl is-active tick; systemctl is-enabled tick"), "active\nenabled");
    }

    operator.wants(&small.without(agent));
    let plan = operator.ends(2, &["plan", "-o", "json"]);
    let expected = [
        "file /etc/kept.conf: what was there before comes back",
        "file /etc/new.conf goes",
        "kernel setting net.ipv4.tcp_fin_timeout is no longer set (the running value stays until reboot)",
        "service tick becomes disabled and stopped again",
    ];
    assert_eq!(changes(&plan), expected.map(|title| format!("{}: remove: {title}", server.name)).into());
    plan.tells(&["orphan", &format!("coracle destroy {}", agent.name)]);
    operator.ends(0, &["apply", "--yes"]);
    gone(server);
    Api::of(&operator).all_ready(&[&server.name, &agent.name]);
    operator.ends(0, &["destroy", &agent.name, "--confirm", &agent.name]);
    Api::of(&operator).all_ready(&[&server.name]);
    operator.leaves_no_secret(&lent);
}

/// Every change that a plan names.
fn changes(plan: &Done) -> BTreeSet<String> {
    let document = plan.events().remove(0);
    let steps = document["plan"]["steps"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let change = |step: &Value| {
        [&step["host"], &step["change"]["kind"], &step["change"]["title"]].map(text).join(": ")
    };
    steps.map(change).collect()
}

fn gone(host: &Host) {
    assert_eq!(host.file("/etc/new.conf"), None);
    assert_eq!(
        host.sh("cat /etc/kept.conf /etc/foreign.conf; stat -c %a /etc/kept.conf"),
        "theirs\ntheirs\n640"
    );
    assert_eq!(host.sh("systemctl is-active tick; systemctl is-enabled tick; :"), "inactive\ndisabled");
}
