//! Services.

use model::{
    op::{HostOp, Run},
    reply::FailureKind::Missing,
    resource::{Kind, ResourceId},
};

use super::{Case, Expect, Given, Step, Then, World, case, claimed};

pub(super) fn cases(world: &World) -> Vec<Case> {
    [running(world), stamps(world), given_up(world)].concat()
}

fn set(world: &World, enabled: Option<bool>, run: Run) -> Step {
    Step::new(HostOp::SetService { init: world.init, name: "chrony".to_owned(), enabled, run })
}

fn is(enabled: bool, active: bool) -> Given {
    Given::Service { name: "chrony", enabled, active }
}

fn then(enabled: bool, active: bool, stamp: Option<&'static str>) -> Then {
    Then::Service("chrony", enabled, active, stamp)
}

fn running(world: &World) -> Vec<Case> {
    let set = |enabled, run| set(world, enabled, run);
    let started = || Run::Started { stamp: None };
    vec![
        case("a service is started and starts at boot", set(Some(true), started()), Expect::Changed)
            .before([is(false, false)])
            .after([then(true, true, None)]),
        case("a service that runs is left alone", set(Some(true), started()), Expect::Unchanged)
            .before([is(true, true)]),
        case("whether it starts at boot can be left as it is", set(None, started()), Expect::Changed)
            .before([is(false, false)])
            .after([then(false, true, None)]),
        case(
            "a service is stopped and no longer starts at boot",
            set(Some(false), Run::Stopped),
            Expect::Changed,
        )
        .before([is(true, true)])
        .after([then(false, false, None)]),
        case("a service is enabled without starting it", set(Some(true), Run::Any), Expect::Changed)
            .before([is(false, false)])
            .after([then(true, false, None)]),
        case("a service that nobody has cannot run", set(None, started()), Expect::Failed(Missing)),
        case("a service that nobody has does not run", set(Some(false), Run::Stopped), Expect::Unchanged),
    ]
}

fn stamps(world: &World) -> Vec<Case> {
    let set = |run| set(world, None, run);
    let started = |stamp: &str| Run::Started { stamp: Some(stamp.to_owned()) };
    let reloaded = |stamp: &str| Run::Reloaded { stamp: stamp.to_owned() };
    let stamped = |stamp: &str| Run::Stamped { stamp: stamp.to_owned() };
    vec![
        case("a service is restarted for what it reads", set(started("b")), Expect::Changed)
            .before([is(true, true), Given::Done(set(stamped("a")))])
            .after([then(true, true, Some("b"))]),
        case("a service that has read it runs on", set(started("a")), Expect::Unchanged)
            .before([is(true, true), Given::Done(set(stamped("a")))])
            .after([then(true, true, Some("a"))]),
        case("a service that stopped is started, whatever its stamp", set(started("a")), Expect::Changed)
            .before([is(true, false), Given::Done(set(stamped("a")))])
            .after([then(true, true, Some("a"))]),
        case("a service is reloaded for what it reads", set(reloaded("b")), Expect::Changed)
            .before([is(true, true)])
            .after([then(true, true, Some("b"))]),
        case(
            "a service that is to be reloaded is started when it does not run",
            set(reloaded("b")),
            Expect::Changed,
        )
        .before([is(true, false)])
        .after([then(true, true, Some("b"))]),
        case("a stamp alone touches nothing", set(stamped("c")), Expect::Changed)
            .before([is(true, false)])
            .after([then(true, false, Some("c"))]),
    ]
}

fn given_up(world: &World) -> Vec<Case> {
    let restore = Step::new(HostOp::Restore { resource: ResourceId::new(Kind::Service, "chrony") });
    let ours = |enabled, run| Given::Done(set(world, Some(enabled), run).owned());
    vec![
        case("a service that did not run before is stopped", restore.clone(), Expect::Changed)
            .before([claimed(), is(false, false), ours(true, Run::Started { stamp: Some("a".to_owned()) })])
            .after([then(false, false, None)]),
        case("a service that ran before is started again", restore, Expect::Changed)
            .before([claimed(), is(true, true), ours(false, Run::Stopped)])
            .after([then(true, true, None)]),
    ]
}
