//! A cluster that is there already.

use crate::{
    by_hand,
    lab::{Host, Lab, changes},
    operator::Operator,
};

#[test]
fn a_cluster_made_by_hand_is_described_and_looked_at_but_not_taken_over() {
    let Some(lab) = Lab::find() else { return };
    let lent = lab.lend(&["curl", "curl"]);
    let [server, agent] = &lent.hosts[..] else { unreachable!("two were asked for") };
    by_hand::server(server, "--disable traefik --write-kubeconfig-mode 0640");
    by_hand::agent(agent, server);
    let pictures = || lent.hosts.iter().flat_map(steady).collect::<Vec<_>>();
    let before = pictures();
    let operator = Operator::new(lab, "adopt");
    let hosts = [server, agent].map(|host| format!("ops@{}", host.name));
    operator.ends(0, &["init", "--no-lock", "--name", "adopt", &hosts[0], &hosts[1]]);
    let file = std::fs::read_to_string(operator.path("coracle.yaml")).unwrap();
    for said in [&server.name, &agent.name, "role: agent", "traefik", "zone", "hostKey", "v1.36.4+k3s1"] {
        assert!(file.contains(said), "{said} is not in\n{file}");
    }
    operator.ends(0, &["check"]);
    operator.run(&["status"]).tells(&[&server.name, "Ready"]).tells(&[&agent.name, "Ready"]);
    let plan = operator.ends(77, &["plan"]);
    plan.tells(&[&server.name, "foreign"]);
    operator.ends(77, &["apply", "--yes"]).tells(&[&agent.name, "foreign"]);
    assert_eq!(changes(&before, &pictures()), [""; 0]);
    // What was made by hand shows its token to everybody on its host.
    operator.told_no_secret(&lent);
}

/// A host's picture without what k3s itself goes on writing.
pub(crate) fn steady(host: &Host) -> Vec<String> {
    let lines = host.picture().into_iter().filter(|line| !line.contains("var/lib/rancher"));
    lines.map(|line| format!("{}: {line}", host.name)).collect()
}
