//! Artefacts sent from the operator's machine.

use engine::apply;
use model::event::What;

use crate::{
    fake::{Fake, run},
    plans::{fetch, file, node, plan},
};

const BIG: usize = 9 << 20;

fn with_artifact() -> Fake {
    Fake { artifact: vec![7; BIG], ..Fake::default() }
}

fn apply_fetch(fake: &Fake) -> Vec<String> {
    let before = file("h1", "before", &[]);
    let get = fetch("h1", "k3s", &fake.artifact, &[&before]);
    let after = file("h1", "after", &[&get]);
    fake.finish(apply(&fake.world(), &run(), &plan(vec![before, get, after])));
    fake.ended()
}

#[test]
fn an_artifact_is_sent_when_the_host_lacks_it() {
    let fake = with_artifact();
    assert_eq!(apply_fetch(&fake), ["h1: before: changed", "h1: k3s: changed", "h1: after: changed"]);
    assert_eq!(fake.sent.get(), BIG);
    insta::assert_snapshot!(fake.story().join("\n"), @r"
    h1 <- take the cluster lock, before, receive 108c2c561ebe
    h1 <- k3s, after
    h1 <- receive 108c2c561ebe
    h1 <- receive 108c2c561ebe
    h1 <- receive 108c2c561ebe
    h1 <- k3s, after
    ");
    let events = fake.events.borrow();
    let done = events.iter().filter_map(|event| match event.what {
        What::Sending { done, total, .. } => Some((done >> 20, total >> 20)),
        _ => None,
    });
    assert_eq!(done.collect::<Vec<_>>(), [(4, 9), (8, 9), (9, 9)]);
}

#[test]
fn an_artifact_in_place_is_not_sent_again() {
    let fake = with_artifact();
    fake.placed.borrow_mut().insert(node("h1"));
    assert_eq!(apply_fetch(&fake)[1], "h1: k3s: unchanged");
    assert_eq!(fake.sent.get(), 0);
}

#[test]
fn sending_goes_on_where_an_earlier_run_stopped() {
    let fake = with_artifact();
    fake.parts.borrow_mut().insert(node("h1"), vec![7; 5 << 20]);
    assert_eq!(apply_fetch(&fake)[1], "h1: k3s: changed");
    assert_eq!(fake.sent.get(), 4 << 20);
}

#[test]
fn a_connection_lost_while_sending_costs_no_bytes() {
    let fake = with_artifact();
    fake.chunks_lost.set(2);
    assert_eq!(apply_fetch(&fake)[1], "h1: k3s: changed");
    assert_eq!(fake.sent.get(), BIG);
}

#[test]
fn bytes_that_never_arrive_whole_end_in_a_failure() {
    let fake = Fake { artifact: vec![7; 10], ..Fake::default() };
    fake.parts.borrow_mut().insert(node("h1"), vec![8; 3]);
    let ended = apply_fetch(&fake);
    assert!(ended[1].starts_with("h1: k3s: failed missing"), "{ended:?}");
    assert!(ended[2].starts_with("h1: after: blocked by h1: k3s"), "{ended:?}");
}
