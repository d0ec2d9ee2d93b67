//! What is no longer wanted goes, exactly, and nothing else.

use model::{
    facts::{Before, Facts, Owned},
    plan::ChangeKind,
    resource::{Kind, ResourceId},
};
use plan::{Seed, Wish, destroy::Leave};
use spec::cluster::{Cluster, Role};

use crate::world::{at, codes, fresh, lock, make, member, members, nodes, pretend};

const ETCD: &str = "kubernetes: {datastore: etcd}";
const MORE: &str = "kubernetes: {datastore: etcd}
os:
  files: [{path: /etc/issue.net, content: hello}]
  sysctls: {vm.swappiness: 10}
  services: [{name: cron}]";

#[test]
fn removing_a_file_a_setting_a_service_and_a_node_names_exactly_these() {
    let before = nodes(1, 1, MORE);
    let mut facts = fresh(&before);
    member(&mut facts, "s1", true, "ca");
    member(&mut facts, "a1", false, "ca");
    pretend(&before, &mut facts);
    assert_eq!(make(&before, &facts).0.steps.len(), 0);

    let after = nodes(1, 0, ETCD);
    let (plan, report) = make(&after, &facts);
    let titles: Vec<_> =
        plan.steps.iter().map(|step| format!("{:?} {}", step.change.kind, step.change.title)).collect();
    insta::assert_snapshot!(titles.join("\n"), @r"
    Remove service cron becomes disabled and stopped again
    Remove file /etc/issue.net goes
    Remove kernel setting vm.swappiness is no longer set (the running value stays until reboot)
    ");
    let orphan = report.findings.iter().find(|finding| finding.code == "orphan").expect("the node is named");
    assert!(orphan.text.contains("a1") && orphan.cure.contains("coracle destroy a1"), "{orphan:?}");
}

#[test]
fn a_file_that_changes_is_shown_with_what_stands_there_now() {
    let cluster = nodes(1, 0, "os: {motd: new words}");
    let mut facts = fresh(&cluster);
    at(&mut facts, "s1").texts.insert("/etc/motd".into(), "old words\n".into());
    let (plan, _) = make(&cluster, &facts);
    let step =
        plan.steps.iter().find(|step| step.id.as_str() == "s1: file /etc/motd").expect("the file changes");
    let text = step.change.text.as_ref().expect("a public file has a text");
    assert_eq!((text.old.as_deref(), text.new.as_str()), (Some("old words\n"), "new words\n"));
}

#[test]
fn what_was_never_owned_is_never_given_up() {
    let cluster = nodes(1, 0, ETCD);
    let mut facts = fresh(&cluster);
    member(&mut facts, "s1", true, "ca");
    pretend(&cluster, &mut facts);
    let foreign = ResourceId::new(Kind::File, "/etc/theirs");
    let host = at(&mut facts, "s1");
    host.stable.files.insert(foreign.name.clone(), model::facts::FileFact::Link { target: "x".into() });
    assert_eq!(make(&cluster, &facts).0.steps.len(), 0);
    let host = at(&mut facts, "s1");
    host.stable.owned.as_mut().unwrap().entries.insert(foreign, Owned { before: Before::Kept });
    let (plan, _) = make(&cluster, &facts);
    let kinds: Vec<_> = plan.steps.iter().map(|step| step.change.kind).collect();
    assert_eq!(kinds, [ChangeKind::Remove]);
}

/// Three servers that work, and the file that calls the second of them an agent.
fn misnamed() -> (Cluster, Facts) {
    let before = nodes(3, 0, ETCD);
    let mut facts = members(&before, &["s1", "s2", "s3"]);
    pretend(&before, &mut facts);
    assert_eq!(make(&before, &facts).0.steps.len(), 0);
    let mut after = before;
    after.nodes[1].role = Role::Agent;
    (after, facts)
}

#[test]
fn a_server_that_the_file_calls_an_agent_is_refused_and_left_running() {
    let (cluster, facts) = misnamed();
    let (plan, report) = make(&cluster, &facts);
    assert_eq!(codes(&report), ["role-changed"]);
    assert_eq!(plan.steps, []);
}

#[test]
fn a_lone_server_that_the_file_calls_an_agent_lets_nobody_found_beside_it() {
    let before = nodes(1, 0, ETCD);
    let mut facts = fresh(&before);
    member(&mut facts, "s1", true, "ca");
    pretend(&before, &mut facts);
    let mut after = nodes(2, 0, ETCD);
    facts.hosts.extend(fresh(&after).hosts.into_iter().filter(|(name, _)| name.as_str() == "s2"));
    after.nodes[0].role = Role::Agent;
    let (plan, report) = make(&after, &facts);
    assert!(codes(&report).contains(&"role-changed".to_owned()), "{report:?}");
    let starts: Vec<_> = plan.steps.iter().filter(|step| step.id.as_str().contains("start k3s")).collect();
    assert!(starts.is_empty(), "{starts:?}");
}

#[test]
fn destroying_stops_k3s_in_the_role_it_was_installed_in() {
    let (cluster, facts) = misnamed();
    let lock = lock();
    let wish = Wish { cluster: &cluster, lock: &lock, seed: Seed(7), verify: false, record_integrity: false };
    let leave = Leave { force: true, volumes: false };
    let (plan, _) = plan::destroy::node(&wish, &facts, &cluster.nodes[1].name, leave);
    let steps: Vec<_> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(steps[..2], ["s2: stop k3s", "s2: kill k3s"], "{steps:#?}");
}

#[test]
fn a_cluster_is_given_up_on_all_its_servers_but_never_on_two_of_three_at_once() {
    let cluster = nodes(3, 1, ETCD);
    let mut facts = members(&cluster, &["s1", "s2", "s3"]);
    member(&mut facts, "a1", false, "ca");
    pretend(&cluster, &mut facts);
    let lock = lock();
    let wish = Wish { cluster: &cluster, lock: &lock, seed: Seed(7), verify: false, record_integrity: false };
    let (mut plan, _) = plan::destroy::cluster(&wish, &facts, Leave::default());
    assert_eq!(plan::check(&plan, &facts), []);
    let stops: Vec<_> = plan.steps.iter().filter(|step| step.id.as_str().contains(": stop")).collect();
    assert_eq!(stops.len(), 4, "{stops:#?}");

    plan.steps.retain(|step| step.host.as_str() != "s3");
    let rules: std::collections::BTreeSet<_> =
        plan::check(&plan, &facts).into_iter().map(|objection| objection.rule).collect();
    assert_eq!(rules, ["one-server-at-a-time"].into());
}
