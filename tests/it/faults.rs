//! One host ails: it is named, with step and cause, and the others go on as far as they may.

use model::{
    event::{End, Outcome, What},
    fault::Cause,
    reply::FailureKind,
};

use crate::stage::{Stage, file};

/// A server and two agents, one of which ails while everything is founded.
fn with(fault: &str) -> (Stage, End) {
    let stage = Stage::new(&file(1, 2, ""));
    let (verb, amount) = fault.split_once(' ').unwrap_or((fault, ""));
    stage.fault(format!("{verb} a2 {amount}").trim());
    stage.pass(1);
    let end = stage.apply().done().unwrap().end;
    stage.is_unharmed();
    let facts = stage.look();
    for other in ["s1", "a1"] {
        assert!(
            facts.kube.nodes.get(other).is_some_and(|node| node.ready),
            "{other} goes on: {:?}",
            facts.kube
        );
    }
    (stage, end)
}

fn dark(fault: &str) -> Cause {
    let (stage, end) = with(fault);
    assert!(matches!(end, End::Open { weight: model::report::Weight::Dark }), "{end:?}");
    let told = stage.told.0.borrow();
    let mut causes = told.iter().filter_map(|event| match &event.what {
        What::Dark { host, fault } if host.as_str() == "a2" => Some(fault.cause),
        _ => None,
    });
    causes.next_back().expect("the host is named")
}

#[test]
fn a_host_that_is_down_is_named_and_the_others_go_on() {
    assert!(matches!(dark("kill"), Cause::TimedOut | Cause::NoRoute | Cause::Refused));
}

#[test]
fn a_host_with_another_key_is_named_and_the_others_go_on() {
    assert_eq!(dark("rekey"), Cause::KeyChanged);
}

#[test]
fn a_host_that_refuses_root_is_named_and_the_others_go_on() {
    assert_eq!(dark("nosudo"), Cause::NoRoot);
}

#[test]
fn a_full_disk_fails_a_step_of_that_host_and_the_others_go_on() {
    let (stage, end) = with("fill");
    let End::Failed { steps } = end else { panic!("{end:?}") };
    assert!(steps.iter().all(|step| step.as_str().starts_with("a2: ")), "{steps:?}");
    let outcomes = stage.outcomes();
    let kinds: Vec<_> = steps
        .iter()
        .map(|step| match &outcomes[step.as_str()] {
            Outcome::Failed { failure } => failure.kind,
            other => panic!("{step}: {other:?}"),
        })
        .collect();
    assert!(kinds.iter().all(|kind| *kind == FailureKind::DiskFull), "{kinds:?}");
}

#[test]
fn a_slow_host_takes_its_time_and_everything_converges() {
    let (_, end) = with("slow x10");
    assert!(matches!(end, End::Converged { .. }), "{end:?}");
}

#[test]
fn a_k3s_of_somebody_else_is_refused_and_the_others_go_on() {
    let (stage, end) = with("foreign");
    assert!(matches!(end, End::Open { weight: model::report::Weight::Refused }), "{end:?}");
    let told = stage.told.0.borrow();
    let touched =
        told.iter().any(|event| matches!(&event.what, What::Began { host, .. } if host.as_str() == "a2"));
    assert!(!touched, "nothing is done on it");
}

#[test]
fn a_wrong_clock_holds_k3s_back_there_and_nothing_else() {
    let (stage, end) = with("clock +1h");
    assert!(matches!(end, End::Open { weight: model::report::Weight::Refused }), "{end:?}");
    let (_, report, _) = stage.plan();
    assert!(report.has("clock-wrong"), "{report:?}");
    assert!(!stage.outcomes().contains_key("a2: start k3s-agent"));
}

#[test]
fn a_server_that_cannot_be_prepared_keeps_no_other_server_waiting() {
    let stage = Stage::new(&file(3, 0, ""));
    stage.fault("fill s2");
    stage.pass(1);
    let end = stage.apply().done().unwrap().end;
    assert!(matches!(end, End::Failed { .. }), "{end:?}");
    let nodes = stage.look().kube.nodes;
    assert!(nodes.get("s3").is_some_and(|node| node.ready && node.voter == Some(true)), "{nodes:?}");
    stage.is_unharmed();
}

#[test]
fn a_host_that_reboots_on_the_way_is_waited_for() {
    for at in [3, 12, 30, 50, 70, 80] {
        let stage = Stage::new(&file(3, 0, ""));
        stage.fault(&format!("reboot s2 at {at}s"));
        stage.apply_to_the_end();
    }
}

#[test]
fn a_host_that_goes_and_stays_away_is_waited_for_once() {
    let stage = Stage::new(&file(1, 2, ""));
    stage.fault("kill a2 at 25s");
    let end = stage.apply().done().unwrap().end;
    assert!(matches!(end, End::Open { weight: model::report::Weight::Dark }), "{end:?}");
    let told = stage.told.0.borrow();
    let gone = |event: &&model::event::Event| matches!(&event.what, What::Found { finding } if finding.code == "host-gone");
    assert_eq!(told.iter().filter(gone).count(), 1);
}
