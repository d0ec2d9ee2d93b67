//! Worlds made from facts look as the facts say.

use std::collections::BTreeMap;

use model::{
    facts::{Arch, Facts, FileFact, Init, PackageTool, Seen},
    fault::{Cause, HostFault},
    op::{Guard, HostOp, KubeOp, Look, Run, Survey},
    plan::Await,
    port::{Body, Clock as _, ExecStep, Hosts as _},
    reply::{KubeReply, Said, StepReply},
    resource::{Kind, ResourceId},
    secret::{Content, Secret},
};
use proptest::prelude::*;
use sim::World;

use crate::yard::{Hand, V36, file, meta, name, owned, service_step, step, world};

const PATHS: [&str; 4] = ["/etc/motd", "/etc/app/one.conf", "/etc/app", "/srv/link"];
const HOSTS: [&str; 4] = ["a", "b", "c", "d"];
const OFFER: &str = "an offered secret";

/// Everything that this test's worlds can differ in.
fn survey() -> ExecStep {
    let mut paths: BTreeMap<_, _> = PATHS.iter().map(|path| ((*path).to_owned(), Look::Digest)).collect();
    paths.insert("/etc/secret".to_owned(), Look::Secret(Some(Content::text(OFFER))));
    paths.insert("/etc/token".to_owned(), Look::Secret(None));
    paths.insert("/var/lib/rancher/k3s/server/token".to_owned(), Look::Secret(None));
    paths.insert("/etc/rancher/k3s/k3s.yaml".to_owned(), Look::Meta);
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let survey = Survey {
        paths,
        packages: words(&["chrony", "logrotate"]),
        services: words(&["ssh", "sshd", "cron", "chrony", "k3s", "nothing"]),
        sysctls: words(&["net.ipv4.ip_forward", "net.bridge.bridge-nf-call-iptables", "no.such"]),
        modules: words(&["br_netfilter", "overlay"]),
        verify: false,
        kubeconfig: true,
    };
    let body = Body { bytes: Secret::new(OFFER.as_bytes().to_vec()), secret: true };
    ExecStep { bodies: vec![body], ..step(HostOp::Observe(survey)) }
}

fn look(hand: &Hand) -> Facts {
    let mut facts = Facts { taken: hand.0.epoch(), ..Facts::default() };
    for host in HOSTS {
        let (said, end) = hand.exec(host, vec![survey()]);
        let seen = match (end, said.into_iter().next_back()) {
            (Err(fault), _) => Seen::Dark(fault),
            (Ok(()), Some(Said::Ended(_, StepReply::Observed(facts, _)))) => Seen::Known(facts),
            other => panic!("{other:?}"),
        };
        facts.hosts.insert(name(host), seen);
    }
    facts.kube = hand.kube();
    facts
}

/// The part that has to come back: stable facts, faults, and what the API says without the words for people.
fn stable(facts: &Facts) -> serde_json::Value {
    let hosts: BTreeMap<_, _> = facts
        .hosts
        .iter()
        .map(|(host, seen)| {
            let value = match seen {
                Seen::Known(facts) => serde_json::to_value(&facts.stable),
                Seen::Dark(fault) => serde_json::to_value(fault),
            };
            (host.to_string(), value.expect("facts serialise"))
        })
        .collect();
    let nodes: BTreeMap<_, _> = facts
        .kube
        .nodes
        .iter()
        .map(|(node, fact)| {
            let mut fact = fact.clone();
            fact.reason.clear();
            (node.clone(), fact)
        })
        .collect();
    let ready: Vec<_> = facts.kube.apis.values().map(|api| *api == model::facts::Api::Ready).collect();
    serde_json::json!({ "hosts": hosts, "nodes": nodes, "ready": ready })
}

/// Where two values differ, and how.
fn differences(at: &str, one: &serde_json::Value, other: &serde_json::Value) -> Vec<String> {
    use serde_json::Value;
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let keys: std::collections::BTreeSet<_> = one.keys().chain(other.keys()).collect();
            let of = |map: &serde_json::Map<String, Value>, key: &String| {
                map.get(key).cloned().unwrap_or_default()
            };
            keys.into_iter()
                .flat_map(|key| differences(&format!("{at}/{key}"), &of(one, key), &of(other, key)))
                .collect()
        }
        _ if one == other => Vec::new(),
        _ => vec![format!("{at}: {one} became {other}")],
    }
}

fn secret_file(path: &str, text: &str) -> ExecStep {
    let body = Body { bytes: Secret::new(text.as_bytes().to_vec()), secret: true };
    ExecStep { bodies: vec![body], ..file(path, "unused") }
}

fn directory(path: &str) -> ExecStep {
    owned(step(HostOp::PutDir { path: path.to_owned(), meta: meta(0o750) }))
}

fn link(path: &str, target: &str) -> ExecStep {
    owned(step(HostOp::PutLink { path: path.to_owned(), target: target.to_owned() }))
}

fn restore(path: &str) -> ExecStep {
    step(HostOp::Restore { resource: ResourceId::new(Kind::File, path) })
}

fn menu() -> Vec<ExecStep> {
    let sysctls = [("net.ipv4.ip_forward".to_owned(), "1".to_owned())].into();
    let guard = Guard {
        id: "g1".into(),
        init: Init::Systemd,
        window: 60,
        paths: vec!["/etc/motd".into()],
        service: "ssh".into(),
    };
    let stamp = |stamp: &str| Run::Reloaded { stamp: stamp.to_owned() };
    vec![
        file("/etc/motd", "welcome\n"),
        file("/etc/motd", "go away\n"),
        ExecStep { own: None, ..file("/etc/app/one.conf", "x = 1\n") },
        restore("/etc/motd"),
        directory("/etc/app"),
        link("/srv/link", "/etc/motd"),
        secret_file("/etc/secret", OFFER),
        secret_file("/etc/secret", "another secret"),
        owned(step(HostOp::MakeSecret { path: "/etc/token".into(), bytes: 16 })),
        owned(step(HostOp::SetMeta { path: "/etc/motd".into(), meta: meta(0o600) })),
        service_step("ssh", Some(true), stamp("one")),
        service_step("cron", Some(false), Run::Stopped),
        step(HostOp::InstallPackages { tool: PackageTool::Apt, names: vec!["chrony".into()] }),
        step(HostOp::LoadModules { names: vec!["br_netfilter".into()] }),
        step(HostOp::SetSysctls { values: sysctls }),
        step(HostOp::RecordIntegrity { paths: vec!["/etc/motd".into(), "/etc/none".into()] }),
        step(HostOp::ArmGuard(guard)),
        step(HostOp::Claim { cluster: "harbor".parse().expect("a name"), id: "1".into(), instead: None }),
    ]
}

/// Something that happens to a world.
#[derive(Clone, Debug)]
enum Event {
    Step(usize, usize),
    Fault(usize, usize),
    Pass(u64),
    Found,
    Join(&'static str),
}

// A cut between machines is in no fact, so it is not among these.
const FAULTS: [&str; 6] = ["foreign", "wipe", "kill", "nosudo", "clock", "cut"];

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0..HOSTS.len(), 0..menu().len()).prop_map(|(host, step)| Event::Step(host, step)),
        1 => (0..HOSTS.len(), 0..FAULTS.len()).prop_map(|(host, fault)| Event::Fault(host, fault)),
        1 => (0u64..60).prop_map(Event::Pass),
        1 => Just(Event::Found),
        1 => Just(Event::Join("b")),
        1 => Just(Event::Join("d")),
    ]
}

fn happen(hand: &Hand, events: &[Event]) {
    for event in events {
        match event {
            Event::Step(host, step) => {
                let step = menu().swap_remove(*step);
                drop(hand.exec(HOSTS[*host], vec![step]));
            }
            // Two k3s on one machine are beyond this world.
            Event::Fault(_, 0) => hand.fault("foreign c"),
            Event::Fault(host, fault) => hand.fault(&format!("{} {}", FAULTS[*fault], HOSTS[*host])),
            Event::Pass(seconds) => hand.pass(*seconds),
            Event::Found => start(hand, "a", "server", "cluster-init: true\ntoken: shared-secret\n"),
            Event::Join(host) => {
                let role = if *host == "b" { "server" } else { "agent" };
                start(hand, host, role, "server: https://10.0.0.1:6443\ntoken: shared-secret\n");
            }
        }
    }
    // Boots, joins and retries come to rest: what is on the way is in no facts.
    hand.pass(120);
}

fn start(hand: &Hand, host: &str, role: &str, config: &str) {
    let service = if role == "agent" { "k3s-agent" } else { "k3s" };
    let unit = format!("[Service]\nExecStart=/usr/local/bin/k3s {role}\n");
    let steps = vec![
        step(HostOp::Claim { cluster: "harbor".parse().expect("a name"), id: "1".into(), instead: None }),
        crate::yard::binary(V36),
        file(&format!("/etc/systemd/system/{service}.service"), &unit),
        file("/etc/rancher/k3s/config.yaml.d/50-coracle.yaml", config),
        service_step(service, Some(true), Run::Started { stamp: Some("first".into()) }),
    ];
    drop(hand.exec(host, steps));
    hand.pass(30);
}

fn comes_back(events: &[Event], mixed: bool) -> Result<(), TestCaseError> {
    let shared = world(4);
    if mixed {
        shared.borrow_mut().mix_systems();
    }
    let hand = Hand::new(&shared);
    happen(&hand, events);
    let facts = look(&hand);
    let text = serde_json::to_string(&facts).expect("facts serialise");
    let facts: Facts = serde_json::from_str(&text).expect("facts come back from JSON");
    let again = look(&Hand::new(&World::from_facts(&facts, 2).share()));
    prop_assert_eq!(differences("", &stable(&facts), &stable(&again)), [""; 0]);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]
    #[test]
    fn looking_at_a_world_made_from_facts_gives_the_facts(
        events in prop::collection::vec(event(), 0..14),
        mixed in any::<bool>(),
    ) {
        comes_back(&events, mixed)?;
    }

    #[test]
    fn a_snapshot_goes_on_as_the_world_it_was_taken_of(events in prop::collection::vec(event(), 0..10)) {
        let shared = world(4);
        let hand = Hand::new(&shared);
        happen(&hand, &events);
        let text = serde_json::to_string(&shared.borrow().snapshot()).expect("snapshots serialise");
        let snapshot = serde_json::from_str(&text).expect("snapshots come back from JSON");
        let copy = Hand::new(&World::from_snapshot(snapshot).expect("the same version").share());
        let hand = Hand::new(&shared);
        for _ in 0..2 {
            prop_assert!(look(&hand) == look(&copy));
            start(&hand, "a", "server", "cluster-init: true\n# changed\n");
            start(&copy, "a", "server", "cluster-init: true\n# changed\n");
        }
    }
}

#[test]
fn a_cluster_of_three_comes_back_and_takes_a_fourth_node() {
    let hand = Hand::new(&world(4));
    hand.three();
    let facts = look(&hand);
    let hand = Hand::new(&World::from_facts(&facts, 2).share());
    assert_eq!(differences("", &stable(&facts), &stable(&look(&hand))), [""; 0]);
    let token = hand.secret("a", "/var/lib/rancher/k3s/server/agent-token");
    hand.install("d", "agent", V36, &format!("server: https://10.0.0.2:6443\ntoken: {token}"));
    hand.wait(&Await::NodeReady(name("d"), None));
    let ca = |host: &str| hand.facts(host).stable.k3s.data.agent_ca;
    assert_eq!(ca("d"), ca("a"));
    assert_eq!(hand.ask(&KubeOp::RemoveMember { node: name("c") }), Ok(KubeReply::Changed));
    assert_eq!(hand.violations(), [""; 0]);
}

#[test]
fn a_host_that_gave_no_answer_gives_the_same_fault_again() {
    let fault = HostFault::new(Cause::Authentication, "Permission denied (publickey)");
    let facts = Facts { hosts: [(name("a"), Seen::Dark(fault.clone()))].into(), ..Facts::default() };
    let hand = Hand::new(&World::from_facts(&facts, 1).share());
    assert_eq!(hand.exec("a", vec![survey()]), (vec![], Err(fault)));
}

#[test]
fn a_restart_in_a_world_made_from_facts_works_with_what_facts_do_not_tell() {
    let hand = Hand::new(&world(1));
    hand.good("a", file("/etc/rancher/k3s/agent-token", "only for agents\n"));
    hand.found("token: not in any fact\nagent-token-file: /etc/rancher/k3s/agent-token\n");
    let hand = Hand::new(&World::from_facts(&look_at_one(&hand), 2).share());
    hand.good("a", service_step("k3s", None, Run::Started { stamp: Some("again".into()) }));
    hand.pass(5);
    hand.wait(&Await::ApiReady(name("a")));
    hand.wait(&Await::Voter(name("a")));
    assert_eq!(hand.facts("a").stable.arch, Arch::Amd64);
    assert!(matches!(
        hand.survey("a", paths()).stable.files["/etc/rancher/k3s/k3s.yaml"],
        FileFact::File { .. }
    ));
}

fn paths() -> Survey {
    Survey { paths: [("/etc/rancher/k3s/k3s.yaml".to_owned(), Look::Meta)].into(), ..Survey::default() }
}

fn look_at_one(hand: &Hand) -> Facts {
    let mut seen = None;
    let host = name("a");
    let exec = model::port::Exec { steps: vec![survey()] };
    let mut heard = |said| {
        if let Said::Ended(_, StepReply::Observed(facts, _)) = said {
            seen = Some(facts);
        }
    };
    assert!(matches!(hand.0.run(hand.0.exec(&host, exec, &mut heard)).done(), Some(Ok(()))));
    let hosts = [(host, Seen::Known(seen.expect("an observation")))].into();
    Facts { taken: hand.0.epoch(), hosts, kube: hand.kube() }
}
