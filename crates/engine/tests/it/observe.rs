//! Looking at the world.

use engine::observe;
use model::{
    SecretRef,
    event::What,
    facts::Seen,
    fault::Cause,
    op::{Look, Survey},
    reply::FailureKind,
    secret::{Content, SecretSource},
};

use crate::{
    fake::{Fake, SECRET, Turn, run, surveys},
    plans::{id, known, node, nodes},
};

#[test]
fn a_host_that_does_not_answer_is_a_fact_beside_the_others() {
    let fake = Fake::default();
    fake.dead.borrow_mut().insert(node("h2"));
    let facts = fake.finish(observe(&fake.world(), &surveys(&["h1", "h2", "h3"]), &[], None));
    assert_eq!(known(&facts), [&node("h1"), &node("h3")]);
    let Seen::Dark(fault) = &facts.hosts[&node("h2")] else { panic!("it is dark") };
    assert_eq!(fault.cause, Cause::TimedOut);
    assert_eq!(facts.taken, 1_000, "the look is dated when it begins");
}

#[test]
fn all_hosts_are_looked_at_together() {
    let fake = Fake::default();
    let names: Vec<_> = (0..70).map(|number| format!("h{number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    fake.finish(observe(&fake.world(), &surveys(&names), &[], None));
    let at_once = fake.execs.borrow().iter().filter(|(at, ..)| at.is_zero()).count();
    assert_eq!((at_once, fake.execs.borrow().len()), (64, 70));
}

#[test]
fn a_secret_that_is_not_at_hand_is_not_offered() {
    let offer =
        |name: &str| Look::Secret(Some(Content::secret(SecretSource::Operator(SecretRef::Env(name.into())))));
    let paths = [("/a".to_owned(), offer("UNSET")), ("/b".to_owned(), offer("SET"))].into();
    let surveys = [(node("h1"), Survey { paths, ..Survey::default() })].into();
    let fake = Fake::default();
    let facts = fake.finish(observe(&fake.world(), &surveys, &[], None));
    assert_eq!(known(&facts).len(), 1);
    assert_eq!(fake.bodies.borrow()[&id("h1", "observe")], [SECRET.as_bytes()]);
}

#[test]
fn the_api_is_asked_only_through_servers_that_have_k3s() {
    let fake = Fake::default();
    *fake.kube.borrow_mut() = vec![(std::time::Duration::ZERO, nodes(&[("h1", true)]))];
    let look = || fake.finish(observe(&fake.world(), &surveys(&["h1", "h2"]), &[node("h1")], None));
    assert!(look().kube.apis.is_empty());
    assert_eq!(fake.asks.get(), 0);
    fake.has_k3s.set(true);
    assert!(look().kube.answers());
    assert_eq!(fake.asks.get(), 1);
    let events = fake.events.borrow();
    assert_eq!(events.last().map(|event| &event.what), Some(&What::KubeObserved { ready: 1, nodes: 1 }));
}

#[test]
fn a_lost_connection_is_tried_once_more() {
    let observing = id("h1", "observe");
    let once = Fake::default().turn(&observing, Turn::LoseBefore);
    let facts = once.finish(observe(&once.world(), &surveys(&["h1"]), &[], None));
    assert_eq!(known(&facts).len(), 1);
    let twice = Fake::default().turn(&observing, Turn::LoseBefore).turn(&observing, Turn::LoseAfter);
    let facts = twice.finish(observe(&twice.world(), &surveys(&["h1"]), &[], None));
    assert!(known(&facts).is_empty());
}

#[test]
fn a_lock_that_cannot_be_given_back_hides_nothing() {
    let back = id("h1", "give back the cluster lock");
    let fake = Fake::default().turn(&back, Turn::Fail(FailureKind::Command));
    let facts = fake.finish(observe(&fake.world(), &surveys(&["h1"]), &[], Some(&run())));
    assert_eq!(known(&facts).len(), 1);
    assert_eq!(fake.story(), ["h1 <- give back the cluster lock, observe", "h1 <- observe"]);
}
