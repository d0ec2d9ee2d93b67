//! The judge objects to plans that break what must be kept. Each test spoils a good plan in one way.

use model::{
    op::{HostOp, Run},
    plan::{Act, Plan, StepId},
    secret::{Content, SecretSource},
};

use crate::world::{fresh, lock, make, member, members, nodes, pretend};

/// The rules that a spoilt plan breaks.
fn broken(plan: &Plan, facts: &model::facts::Facts) -> Vec<&'static str> {
    let mut rules: Vec<_> = plan::check(plan, facts).into_iter().map(|objection| objection.rule).collect();
    rules.dedup();
    rules
}

fn drop_needs(plan: &mut Plan, of: &str, from_host: &str) {
    let host = format!("{from_host}: ");
    for step in plan.steps.iter_mut().filter(|step| step.id.as_str() == of) {
        step.needs.retain(|need| !need.as_str().starts_with(&host));
    }
}

#[test]
fn a_server_that_joins_before_the_one_before_it_votes_is_objected_to() {
    let cluster = nodes(3, 0, "");
    let facts = fresh(&cluster);
    let (mut plan, _) = make(&cluster, &facts);
    drop_needs(&mut plan, "s3: start k3s", "s2");
    assert_eq!(broken(&plan, &facts), ["one-server-at-a-time"]);
}

#[test]
fn restarts_of_two_serving_servers_without_a_wait_between_are_objected_to() {
    let cluster = nodes(3, 0, "");
    let mut facts = members(&cluster, &["s1", "s2", "s3"]);
    pretend(&cluster, &mut facts);
    let changed = nodes(3, 0, "kubernetes: {config: {kubelet-arg: [max-pods=50]}}");
    let (mut plan, _) = make(&changed, &facts);
    let waits = |step: &model::plan::Step| matches!(step.act, Act::Wait { .. });
    assert!(plan.steps.iter().filter(|step| waits(step)).count() >= 6, "each restart is waited for");
    // Every wait loses its place between two restarts: what needed it needs what it needed.
    let gone: Vec<StepId> =
        plan.steps.iter().filter(|step| waits(step)).map(|step| step.id.clone()).collect();
    plan.steps.retain(|step| !gone.contains(&step.id));
    for step in &mut plan.steps {
        step.needs.retain(|need| !gone.contains(need));
    }
    assert_eq!(broken(&plan, &facts), ["one-server-at-a-time"]);
}

#[test]
fn a_change_to_sshd_without_proof_of_access_is_objected_to() {
    let cluster = nodes(1, 0, "");
    let facts = fresh(&cluster);
    let (mut plan, _) = make(&cluster, &facts);
    let prove =
        plan.steps.iter().position(|step| step.act == Act::Prove).expect("sshd is hardened on a fresh host");
    let prove = plan.steps.remove(prove).id;
    for step in &mut plan.steps {
        step.needs.retain(|need| *need != prove);
    }
    assert_eq!(broken(&plan, &facts), ["way-in"]);
}

#[test]
fn a_change_to_sshd_without_a_guard_is_objected_to() {
    let cluster = nodes(1, 0, "");
    let facts = fresh(&cluster);
    let (mut plan, _) = make(&cluster, &facts);
    for step in &mut plan.steps {
        if let Act::Host(HostOp::ArmGuard(guard)) = &mut step.act {
            guard.paths.clear();
        }
    }
    assert_eq!(broken(&plan, &facts), ["way-in"]);
}

#[test]
fn two_founders_are_objected_to() {
    let cluster = nodes(2, 0, "kubernetes: {datastore: etcd}");
    let facts = fresh(&cluster);
    let (mut plan, _) = make(&cluster, &facts);
    for step in &mut plan.steps {
        if let Act::Host(HostOp::PutFile { path, content, .. }) = &mut step.act
            && path.ends_with("50-coracle.yaml")
        {
            *content = Content::text("cluster-init: true\n");
        }
    }
    assert!(broken(&plan, &facts).contains(&"one-cluster"));
}

#[test]
fn founding_beside_a_server_with_data_is_objected_to() {
    let cluster = nodes(2, 0, "kubernetes: {datastore: etcd}");
    let mut facts = fresh(&cluster);
    let (plan, _) = make(&cluster, &facts);
    member(&mut facts, "s2", true, "ca");
    assert!(broken(&plan, &facts).contains(&"one-cluster"));
}

#[test]
fn an_agent_that_may_run_ahead_of_its_servers_is_objected_to() {
    let cluster = nodes(1, 1, "kubernetes: {datastore: etcd}");
    let old = nodes(1, 1, "kubernetes: {version: v1.36.3+k3s1}");
    let mut facts = fresh(&cluster);
    member(&mut facts, "s1", true, "ca");
    member(&mut facts, "a1", false, "ca");
    pretend(&cluster, &mut facts);
    for name in ["s1", "a1"] {
        crate::world::at(&mut facts, name).stable.k3s.binary = None;
        crate::world::at(&mut facts, name).stable.services.clear();
        crate::world::at(&mut facts, name).stable.k3s.version = Some(old.kubernetes.version.clone());
    }
    let (mut plan, _) = make(&cluster, &facts);
    let steps: Vec<String> = plan.steps.iter().map(|step| step.id.to_string()).collect();
    for step in steps.iter().filter(|step| step.starts_with("a1: ")) {
        drop_needs(&mut plan, step, "s1");
    }
    assert_eq!(broken(&plan, &facts), ["agents-behind-servers"]);
}

#[test]
fn an_agent_that_gets_a_newer_version_than_a_server_nobody_brings_is_objected_to() {
    let cluster = nodes(1, 1, "kubernetes: {datastore: etcd}");
    let mut facts = fresh(&cluster);
    member(&mut facts, "s1", true, "ca");
    member(&mut facts, "a1", false, "ca");
    pretend(&cluster, &mut facts);
    let agent = crate::world::at(&mut facts, "a1");
    agent.stable.k3s.binary = None;
    agent.stable.services.clear();
    agent.stable.k3s.version = Some("v1.35.6+k3s1".parse().unwrap());
    facts.kube.nodes.get_mut("a1").unwrap().version = Some("v1.35.6+k3s1".parse().unwrap());
    let (plan, _) = make(&cluster, &facts);
    assert!(broken(&plan, &facts).is_empty());

    let mut other = facts.kube.nodes["s1"].clone();
    other.version = Some("v1.35.6+k3s1".parse().unwrap());
    other.labels.insert("node-role.kubernetes.io/control-plane".into(), "true".into());
    facts.kube.nodes.insert("s9".into(), other);
    assert_eq!(broken(&plan, &facts), ["agents-behind-servers"]);
}

#[test]
fn a_step_that_uses_a_secret_nobody_reads_before_it_is_objected_to() {
    let cluster = nodes(1, 1, "");
    let facts = fresh(&cluster);
    let (mut plan, _) = make(&cluster, &facts);
    for step in &mut plan.steps {
        if let Act::Host(HostOp::PutFile { content, .. }) = &mut step.act
            && content.is_secret()
        {
            *content = Content::secret(SecretSource::Step(StepId::parse("s1: start k3s")));
        }
    }
    assert_eq!(broken(&plan, &facts), ["reference-before"]);
}

#[test]
fn a_step_before_what_it_needs_is_objected_to() {
    let cluster = nodes(1, 0, "");
    let facts = fresh(&cluster);
    let (mut plan, _) = make(&cluster, &facts);
    plan.steps.reverse();
    assert!(broken(&plan, &facts).contains(&"needs-before"));
}

#[test]
fn destroying_passes_the_judge_and_keeps_the_last_server() {
    let cluster = nodes(1, 1, "kubernetes: {datastore: etcd}");
    let mut facts = fresh(&cluster);
    member(&mut facts, "s1", true, "ca");
    member(&mut facts, "a1", false, "ca");
    pretend(&cluster, &mut facts);
    let lock = lock();
    let wish = plan::Wish {
        cluster: &cluster,
        lock: &lock,
        seed: plan::Seed(7),
        verify: false,
        record_integrity: false,
    };
    let leave = plan::destroy::Leave::default();
    let (agent, _) = plan::destroy::node(&wish, &facts, &"a1".parse().unwrap(), leave);
    assert!(plan::check(&agent, &facts).is_empty());
    let stop = agent.steps.iter().position(|step| {
        matches!(&step.act, Act::Host(HostOp::SetService { run: Run::Stopped, enabled: Some(false), .. }))
    });
    let gone = agent.steps.iter().position(|step| matches!(step.act, Act::Kube(_)));
    assert!(stop.is_some() && stop < gone, "stopped and disabled before it is taken out");
    let (server, report) = plan::destroy::node(&wish, &facts, &"s1".parse().unwrap(), leave);
    assert!(report.has("last-server") && server.is_empty(), "{report:?}");
    let (all, _) = plan::destroy::cluster(&wish, &facts, leave);
    assert!(plan::check(&all, &facts).is_empty(), "{:#?}", plan::check(&all, &facts));
}

#[test]
fn a_node_that_has_been_destroyed_needs_nothing_more() {
    let cluster = nodes(1, 1, "kubernetes: {datastore: etcd}");
    let mut facts = fresh(&cluster);
    member(&mut facts, "s1", true, "ca");
    let lock = lock();
    let wish = plan::Wish {
        cluster: &cluster,
        lock: &lock,
        seed: plan::Seed(7),
        verify: false,
        record_integrity: false,
    };
    let (plan, report) =
        plan::destroy::node(&wish, &facts, &"a1".parse().unwrap(), plan::destroy::Leave::default());
    assert!(plan.is_empty() && report.findings.is_empty(), "{plan:#?} {report:#?}");
}

#[test]
fn of_two_members_one_is_taken_out_before_it_stops_and_none_while_no_api_answers() {
    let cluster = nodes(2, 0, "");
    let mut facts = members(&cluster, &["s1", "s2"]);
    pretend(&cluster, &mut facts);
    let lock = lock();
    let wish = plan::Wish {
        cluster: &cluster,
        lock: &lock,
        seed: plan::Seed(7),
        verify: false,
        record_integrity: false,
    };
    let (name, leave) = ("s1".parse().unwrap(), plan::destroy::Leave::default());
    let (plan, _) = plan::destroy::node(&wish, &facts, &name, leave);
    let at = |what: &str| plan.steps.iter().position(|step| step.id.as_str() == format!("s1: {what}"));
    assert!(at("remove member").is_some() && at("remove member") < at("stop k3s"), "{plan:#?}");
    assert!(at("stop k3s") < at("delete node"), "it cannot come back when its Node goes");

    facts.kube = model::facts::KubeFacts::default();
    let (plan, report) = plan::destroy::node(&wish, &facts, &name, leave);
    assert!(plan.is_empty() && report.has("api-silent"), "{plan:#?} {report:#?}");
}

#[test]
fn a_restart_that_costs_the_majority_is_objected_to() {
    let cluster = nodes(3, 0, "");
    let mut facts = members(&cluster, &["s1", "s2", "s3"]);
    pretend(&cluster, &mut facts);
    let changed = nodes(3, 0, "kubernetes: {config: {kubelet-arg: [max-pods=50]}}");
    let (plan, _) = make(&changed, &facts);
    facts.kube.nodes.get_mut("s3").unwrap().ready = false;
    assert_eq!(broken(&plan, &facts), ["quorum"]);
}
