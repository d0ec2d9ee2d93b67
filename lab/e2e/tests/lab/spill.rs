//! Secrets while everything is said as loudly as it can be.

use crate::{file::ClusterFile, lab::Lab, operator::Operator, secrets::Listing};

const VALUE: &str = "correct-horse-battery-staple-4711";
const PATH: &str = "/etc/app/password";

#[test]
fn no_secret_stands_in_any_output_log_plan_event_journal_or_process_listing() {
    let Some(lab) = Lab::find() else { return };
    let lent = lab.lend(&["curl", "curl"]);
    let [server, agent] = &lent.hosts[..] else { unreachable!("two were asked for") };
    let operator = Operator::new(lab, "spill").env("APP_SECRET", VALUE);
    let file = ClusterFile::new(lab, "spill").server("ops", server).agent("ops", agent);
    let secret = |from: &str| format!("files: [{{path: {PATH}, secret: {from}}}]");
    operator.wants(&file.clone().os(&secret("{env: APP_SECRET}")));

    let listing = Listing::begin();
    operator.ends(2, &["plan", "-v", "--out", "first.plan", "--facts", "first.facts"]);
    operator.ends(0, &["apply", "-v", "-o", "json", "first.plan", "--yes"]);
    assert_eq!(server.sh(&format!("cat {PATH}; stat -c %a {PATH}")), format!("{VALUE}600"));
    for args in [
        &["plan", "-v"][..],
        &["apply", "-v", "--yes"],
        &["status", "-v", "--verify", "-o", "json"],
        &["plan", "-o", "json", "--facts", "later.facts"],
        &["render", "rendered"],
        &["rehearse", "-v", "--from", "later.facts"],
    ] {
        operator.ends(0, args);
    }
    // A secret that changes is a change that tells nothing of either value.
    operator.write("other", "an entirely different secret 0815");
    operator.wants(&file.os(&secret("{file: other}")));
    operator.ends(2, &["plan", "-v", "--out", "second.plan"]);
    operator.ends(0, &["apply", "-v", "--yes"]);
    assert_eq!(agent.sh(&format!("cat {PATH}")), "an entirely different secret 0815");
    operator.write("other", "");
    operator.write("processes", &listing.end());
    operator.leaves_no_secret(&lent);
}
