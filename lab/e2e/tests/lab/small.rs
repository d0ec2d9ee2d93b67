//! One server and its agents.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::{api::Api, file::ClusterFile, lab::Lab, operator::Operator};

#[test]
fn one_server_and_two_agents_converge_and_a_second_apply_looks_once() {
    let Some(lab) = Lab::find() else { return };
    let lent = lab.lend(&["curl", "curl", "curl"]);
    let [server, one, other] = &lent.hosts[..] else { unreachable!("three were asked for") };
    let operator = Operator::new(lab, "small");
    operator
        .wants(&ClusterFile::new(lab, "small").server("root", server).agent("ops", one).agent("ops", other));
    operator.ends(2, &["plan"]);
    operator.ends(0, &["apply", "--yes"]);
    let names = [server, one, other].map(|host| host.name.as_str());
    Api::of(&operator).all_ready(&names);

    operator.ends(0, &["plan"]);
    operator.ends(0, &["status"]);
    let execs = || one.sh("journalctl -t sudo -o cat | grep -c COMMAND=").parse::<u32>().unwrap();
    let before = execs();
    let again = operator.ends(0, &["apply", "--yes", "-o", "json"]);
    assert_eq!(execs() - before, 1, "execs of a second apply");
    let looks = again.events().iter().filter(|event| event["what"]["event"] == "observing").count();
    let end = again.events().into_iter().find(|event| event["what"]["event"] == "over").unwrap();
    assert_eq!(
        (looks, &end["what"]["end"]),
        (3, &serde_json::json!({"is": "converged", "changed": 0, "done": 0, "rounds": 1}))
    );

    operator.ends(0, &["kubeconfig", "--merge"]);
    let merged = operator.path("home/.kube/config");
    assert_eq!(fs::metadata(&merged).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(merged).unwrap();
    assert!(
        text.contains("name: small") && !text.contains("current-context: small"),
        "the context was switched"
    );
    operator.leaves_no_secret(&lent);
}
