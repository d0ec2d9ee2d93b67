//! Progress, folded from real runs.

use std::time::Duration;

use engine::{
    apply,
    progress::{
        HostState::{Done, Failed, Queued, Stopped, Waiting, Working},
        Progress,
    },
};
use model::{event::What, reply::FailureKind};

use crate::{
    fake::{Fake, Turn, run},
    plans::{file, node, nodes, plan, ready},
};

#[test]
fn the_line_of_each_host_follows_the_events() {
    let a = file("h1", "a", &[]);
    let wait = ready("h1", "ready", 60, &[&a]);
    let b = file("h2", "b", &[&wait]);
    let fake = Fake::default().turn(&b.id, Turn::Fail(FailureKind::Command));
    *fake.kube.borrow_mut() = vec![(Duration::from_secs(2), nodes(&[("h1", true)]))];
    let plan = plan(vec![a, wait, b]);
    let mut progress = Progress::default();
    let hosts = [(node("h1"), 2), (node("h2"), 1)].into();
    let planned = What::Planned { steps: 3, hosts };
    progress.apply(&model::event::Event { at: Duration::ZERO, what: planned });
    fake.finish(apply(&fake.world(), &run(), &plan));

    let mut states = Vec::new();
    for event in fake.events.borrow().iter() {
        progress.apply(event);
        let now = (progress.state(&node("h1")), progress.state(&node("h2")));
        if states.last() != Some(&now) {
            states.push(now);
        }
    }
    assert_eq!(
        states,
        [
            (Queued, Queued),
            (Working, Queued),
            (Queued, Queued),
            (Working, Queued),
            (Waiting, Queued),
            (Done, Queued),
            (Done, Working),
            (Done, Failed),
        ]
    );
    assert_eq!((progress.done, progress.total, progress.changed), (3, 3, 1));
    assert_eq!(progress.hosts[&node("h2")].note.as_deref(), Some("no such file"));
}

#[test]
fn hosts_whose_steps_were_stopped_have_not_failed() {
    let a = file("h1", "a", &[]);
    let wait = ready("h1", "ready", 60, &[&a]);
    let b = file("h2", "b", &[&wait]);
    let fake = Fake::default();
    fake.halt_at.set(Some(Duration::from_millis(200)));
    let plan = plan(vec![a, wait, b]);
    fake.finish(apply(&fake.world(), &run(), &plan));
    let mut progress = Progress::default();
    fake.events.borrow().iter().for_each(|event| progress.apply(event));
    assert_eq!((progress.state(&node("h1")), progress.state(&node("h2"))), (Stopped, Stopped));
}

#[test]
fn what_is_blocked_is_told_by_what_the_step_before_it_was_to_do() {
    let mut a = file("h1", "a", &[]);
    a.change.title = "put the first stone".to_owned();
    let b = file("h2", "b", &[&a]);
    let fake = Fake::default().turn(&a.id, Turn::Fail(FailureKind::Command));
    fake.finish(apply(&fake.world(), &run(), &plan(vec![a, b])));
    let mut progress = Progress::default();
    fake.events.borrow().iter().for_each(|event| progress.apply(event));
    assert_eq!(progress.hosts[&node("h2")].note.as_deref(), Some("needs h1: put the first stone"));
}
