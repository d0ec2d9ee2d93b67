//! Another release of k3s.

use crate::{
    api::Api,
    file::ClusterFile,
    lab::Lab,
    operator::{Operator, ended},
};

#[test]
fn another_version_goes_to_the_servers_one_by_one_and_then_to_the_agents() {
    let Some(lab) = Lab::find() else { return };
    let lent = lab.lend(&["curl", "curl", "curl"]);
    let [first, second, agent] = &lent.hosts[..] else { unreachable!("three were asked for") };
    let names = [first, second, agent].map(|host| host.name.as_str());
    let operator = Operator::new(lab, "upgrade");
    let file = |version: &str| {
        ClusterFile::new(lab, "upgrade")
            .version(version)
            .server("root", first)
            .server("ops", second)
            .agent("ops", agent)
    };
    operator.wants(&file("v1.36.3+k3s1"));
    operator.ends(0, &["apply", "--yes"]);
    let versions = || Api::of(&operator).nodes().into_iter().map(|node| node.version).collect::<Vec<_>>();
    assert_eq!(versions(), ["v1.36.3+k3s1"; 3]);

    operator.wants(&file("v1.36.4+k3s1"));
    operator.ends(2, &["plan"]).tells(&["v1.36.3+k3s1 → v1.36.4+k3s1"]);
    let events = operator.ends(0, &["apply", "--yes", "-o", "json"]).events();
    let when = |host: &str, step: &str| {
        let at = events.iter().position(|event| event["what"]["host"] == host && ended(event, step));
        at.unwrap_or_else(|| panic!("{host} never did {step:?}"))
    };
    assert!(when(names[0], "etcd votes") < when(names[1], "restart k3s"), "both servers were down at once");
    assert!(
        when(names[1], "etcd votes") < when(names[2], "restart k3s-agent"),
        "the agent was ahead of a server"
    );
    assert_eq!(versions(), ["v1.36.4+k3s1"; 3]);
    Api::of(&operator).all_ready(&names);
    operator.ends(0, &["plan"]);

    operator.wants(&file("v1.36.3+k3s1"));
    operator.ends(77, &["apply", "--yes"]).tells(&["v1.36.4+k3s1", "cannot go back"]);
    operator.leaves_no_secret(&lent);
}
