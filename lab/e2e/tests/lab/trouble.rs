//! Hosts that cannot or may not be worked on: each is named with step and cause, and the others go on.

use crate::{
    adopt::steady,
    api::Api,
    by_hand,
    file::ClusterFile,
    lab::{Host, Lab, changes},
    operator::{Operator, ended},
};

#[test]
fn what_ails_one_host_is_named_with_its_cause_and_the_others_go_on() {
    let Some(lab) = Lab::find() else { return };
    let lent = lab.lend(&["curl"; 7]);
    let [server, slow, down, full, changed, rightless, foreign] = &lent.hosts[..] else {
        unreachable!("seven were asked for")
    };
    rightless.sh("useradd -m plain && cp -r /home/ops/.ssh /home/plain && chown -R plain: /home/plain/.ssh");
    by_hand::server(foreign, "");
    let before = steady(foreign);
    full.befall(&["fill"]);
    down.befall(&["stop"]);
    let operator = Operator::new(lab, "trouble").distrusting(changed);
    let mut file = ClusterFile::new(lab, "trouble")
        .server("root", server)
        .agent("ops", slow)
        .agent("plain", rightless)
        .os("baseline: false");
    for host in [down, full, changed, foreign] {
        file = file.agent("ops", host);
    }
    operator.wants(&file);

    dawdle(slow);
    let plan = operator.ends(77, &["plan"]);
    dawdle(slow);
    let apply = operator.ends(77, &["apply", "--yes"]);
    for done in [&plan, &apply] {
        done.tells(&[&down.name, "connect to host"]).tells(&[&changed.name, "host key changed"]);
        done.tells(&[&rightless.name, "sudo needs a password"]).tells(&[&foreign.name, "foreign-k3s"]);
    }
    apply.tells(&[&format!("{}: ", full.name), "no space left"]);
    Api::of(&operator).all_ready(&[&server.name, &slow.name]);
    assert_eq!(changes(&before, &steady(foreign)), [""; 0], "the foreign k3s was touched");

    // What can be cured is; nothing of it is left over.
    full.befall(&["unfill"]);
    down.befall(&["start"]);
    operator.ends(77, &["apply", "--yes"]);
    Api::of(&operator).all_ready(&[&server.name, &slow.name, &full.name, &down.name]);
    // The foreign one's own unit shows its token to everybody on its host.
    operator.told_no_secret(&lent);
}

/// For some seconds sshd says nothing to whoever comes.
fn dawdle(host: &Host) {
    host.sh("systemctl kill -s STOP ssh; setsid sh -c 'sleep 5; systemctl kill -s CONT ssh' >/dev/null 2>&1 </dev/null &");
}

#[test]
fn a_host_that_falls_silent_in_the_middle_is_given_up_and_taken_up_again() {
    let Some(lab) = Lab::find() else { return };
    let lent = lab.lend(&["curl", "curl", "curl"]);
    let [server, agent, silent] = &lent.hosts[..] else { unreachable!("three were asked for") };
    let operator = Operator::new(lab, "silent");
    // Slow downloads give the silence time to begin.
    let file = ClusterFile::new(lab, "silent")
        .mirror("/slow/4000000")
        .server("root", server)
        .agent("ops", agent)
        .agent("ops", silent);
    operator.wants(&file);
    let mut apply = operator.start(&["apply", "--yes", "-o", "json"], "");
    let disarmed =
        |event: &serde_json::Value| event["what"]["host"] == *silent.name && ended(event, "disarm guard");
    apply.hears(disarmed).expect("it begins");
    silent.befall(&["cut"]);
    let done = apply.wait().ends(69);
    done.tells(&[&silent.name]);
    Api::of(&operator).all_ready(&[&server.name, &agent.name]);

    silent.befall(&["heal"]);
    operator.ends(0, &["apply", "--yes"]);
    Api::of(&operator).all_ready(&[&server.name, &agent.name, &silent.name]);
    operator.leaves_no_secret(&lent);
}

#[test]
fn every_kind_of_host_becomes_a_node() {
    let Some(lab) = Lab::find() else { return };
    let lent = lab.lend(&["openrc", "bare", "wget", "doas"]);
    let [openrc, bare, wget, doas] = &lent.hosts[..] else { unreachable!("four were asked for") };
    let operator = Operator::new(lab, "kinds");
    let file = ClusterFile::new(lab, "kinds").server("ops", openrc);
    operator.wants(&file.agent("opspw", bare).agent("ops", wget).agent("ops", doas));
    operator.ends(77, &["plan"]).tells(&[&bare.name, "sudo needs a password"]).tells(&["--ask-sudo"]);
    let wrong = operator.start(&["plan", "--ask-sudo"], "wrong\n").wait().ends(77);
    wrong.tells(&[&bare.name, "sudo does not take the password"]);
    let password = lab.sudo_password() + "\n";
    operator.start(&["apply", "--yes", "--ask-sudo"], &password).wait().ends(0);
    Api::of_asking(&operator, &password)
        .all_ready(&[openrc, bare, wget, doas].map(|host| host.name.as_str()));
    operator.start(&["plan", "--ask-sudo"], &password).wait().ends(0);
    operator.leaves_no_secret(&lent);
}

#[test]
fn of_two_operators_at_once_one_is_told_who_the_other_is() {
    let Some(lab) = Lab::find() else { return };
    let lent = lab.lend(&["curl"]);
    let file = ClusterFile::new(lab, "twice").server("root", &lent.hosts[0]);
    let (first, second) =
        (Operator::new(lab, "twice-1"), Operator::new(lab, "twice-2").env("USER", "somebody"));
    first.wants(&file);
    second.wants(&file);
    let mut apply = first.start(&["apply", "--yes", "-o", "json"], "");
    apply.hears(|event| event["what"]["event"] == "began").expect("it begins");
    second.ends(75, &["apply", "--yes"]).tells(&["the cluster is locked", "operator@"]);
    apply.wait().ends(0);
    second.ends(0, &["apply", "--yes"]);
    first.leaves_no_secret(&lent);
    second.leaves_no_secret(&lent);
}
