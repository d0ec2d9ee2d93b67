//! The watcher sees what must never be.

use std::time::Duration;

use model::{
    event::{Event, What},
    op::{HostOp, Run},
    port::{Events, ExecStep},
    report::{Finding, Weight},
};
use sim::Thing;

use crate::yard::{Hand, file, name, owned, service_step, step, world};

fn restart(hand: &Hand, host: &str, stamp: &str) {
    hand.good(host, service_step("k3s", None, Run::Started { stamp: Some(stamp.to_owned()) }));
}

#[test]
fn servers_restarted_one_after_the_other_are_fine() {
    let hand = Hand::new(&world(3));
    hand.three();
    for host in ["a", "b", "c"] {
        restart(&hand, host, "again");
        hand.pass(30);
    }
    assert_eq!(hand.violations(), [""; 0]);
}

#[test]
fn two_servers_disrupted_at_once_are_seen() {
    let hand = Hand::new(&world(3));
    hand.three();
    restart(&hand, "a", "again");
    restart(&hand, "b", "again");
    assert_eq!(
        hand.violations(),
        ["restarting b while a is disrupted", "restarting b takes the quorum: 1 of 3 members stay up"]
    );
}

#[test]
fn a_restart_beside_a_server_that_a_fault_took_long_ago_takes_the_quorum() {
    let hand = Hand::new(&world(3));
    hand.three();
    hand.fault("kill c");
    hand.pass(120);
    restart(&hand, "a", "again");
    assert_eq!(hand.violations(), ["restarting a takes the quorum: 1 of 3 members stay up"]);
}

#[test]
fn what_nobody_could_have_seen_coming_is_excused() {
    let hand = Hand::new(&world(3));
    hand.three();
    hand.fault("kill c");
    hand.pass(2);
    restart(&hand, "a", "again");
    assert_eq!(hand.violations(), [""; 0]);
}

#[test]
fn taking_a_cluster_down_is_fine_when_it_is_wanted() {
    let hand = Hand::new(&world(3));
    hand.three();
    hand.0.world_ref().borrow_mut().expect_destruction();
    for host in ["a", "b", "c"] {
        hand.good(host, service_step("k3s", Some(false), Run::Stopped));
    }
    assert_eq!(hand.violations(), [""; 0]);
}

#[test]
fn an_operator_who_is_locked_out_longer_than_a_window_is_seen() {
    let hand = Hand::new(&world(1));
    hand.good("a", file("/etc/ssh/sshd_config.d/50-coracle.conf", "AllowUsers nobody\n"));
    hand.good("a", service_step("ssh", None, Run::Reloaded { stamp: "new".into() }));
    hand.pass(60);
    assert_eq!(hand.violations(), [""; 0]);
    hand.pass(10);
    assert_eq!(hand.violations(), ["the operator is locked out of a for 65 s"]);
}

#[test]
fn changing_what_is_not_coracle_s_without_keeping_it_is_seen() {
    let hand = Hand::new(&world(1));
    let thing = Thing::File { path: "/etc/theirs".into(), mode: 0o644, bytes: b"theirs".to_vec() };
    hand.0.world_ref().borrow_mut().furnish(&name("a"), thing);
    hand.good("a", file("/etc/theirs", "ours, kept"));
    assert_eq!(hand.violations(), [""; 0]);
    hand.good("a", ExecStep { own: None, ..file("/etc/motd", "ours") });
    assert_eq!(hand.violations().len(), 1, "{:?}", hand.violations());
    assert!(hand.violations()[0].ends_with("changed /etc/motd, which is not coracle's"));
}

struct Nowhere;
impl Events for Nowhere {
    fn tell(&self, _event: Event) {}
}

#[test]
fn a_secret_in_an_event_is_seen() {
    let hand = Hand::new(&world(1));
    hand.good("a", owned(step(HostOp::MakeSecret { path: "/etc/secret".into(), bytes: 16 })));
    let secret = hand.secret("a", "/etc/secret").trim().to_owned();
    let events = hand.0.watch(&Nowhere);
    let found = |text: String| {
        let finding =
            Finding { host: None, code: "x".into(), weight: Weight::Note, text, cure: String::new() };
        Event { at: Duration::ZERO, what: What::Found { finding } }
    };
    events.tell(found("harmless".into()));
    assert_eq!(hand.violations(), [""; 0]);
    events.tell(found(format!("it is {secret}")));
    assert_eq!(hand.violations(), ["a secret is seen in an event (found)"]);
    hand.0.world_ref().borrow_mut().watch_text("the journal", &secret);
    assert_eq!(hand.violations().last().map(String::as_str), Some("a secret is seen in the journal"));
}

/// Everything that happens in a story with faults, in words.
fn story(seed: u64) -> String {
    let mut world = sim::World::from_cluster(&crate::yard::cluster(4, "root"), seed);
    world.stock(&sim::lock_for([&crate::yard::version(crate::yard::V36)]));
    let hand = Hand::new(&world.share());
    hand.three();
    let mut log = Vec::new();
    for fault in ["reboot a at 90s", "slow b x3", "hang c for 20s after 3 steps"] {
        hand.fault(fault);
    }
    for round in 0..3 {
        for host in ["a", "b", "c", "d"] {
            let heard = hand.exec(host, vec![file("/etc/one", &round.to_string())]);
            log.push(format!("{:?} {heard:?}", hand.0.clock()));
            log.push(format!("{:?}", hand.kube()));
        }
    }
    let facts = serde_json::to_string(&hand.facts("b")).expect("facts serialise");
    let world = hand.0.world_ref().borrow();
    format!("{}{facts}{:?}{:?}", log.join("\n"), world.story(), world.now())
}

#[test]
fn the_same_seed_tells_the_same_story_byte_for_byte() {
    assert_eq!(story(7), story(7));
    assert_ne!(story(7), story(8));
}
