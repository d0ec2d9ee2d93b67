//! The guard.

use model::{
    facts::HostFacts,
    op::{Guard, HostOp},
    reply::FailureKind::{Conflict, GuardFired},
};

use super::{Case, Expect, Given, Step, Then, World, case, ensure, file, put};

const CONFIG: &str = "/etc/ssh/sshd_config.d/50-coracle.conf";

fn arm(world: &World, id: &str) -> Step {
    let paths = vec![CONFIG.to_owned(), "/etc/ssh/new".to_owned()];
    let guard = Guard { id: id.to_owned(), init: world.init, window: 600, paths, service: "ssh".to_owned() };
    Step::new(HostOp::ArmGuard(guard))
}

fn disarm(id: &str) -> Step {
    Step::new(HostOp::DisarmGuard { id: id.to_owned() })
}

fn armed(facts: &HostFacts) -> Result<(), String> {
    let guard = facts.volatile.guard.as_ref();
    ensure(
        guard.is_some_and(|guard| guard.id == "a" && (500..=600).contains(&guard.left)),
        "a revert is armed",
    )
}

fn not_armed(facts: &HostFacts) -> Result<(), String> {
    ensure(facts.volatile.guard.is_none(), "no revert is armed")
}

pub(super) fn cases(world: &World) -> Vec<Case> {
    let was = || file(CONFIG, "PermitRootLogin yes\n");
    let ssh = || Given::Service { name: "ssh", enabled: true, active: true };
    let change = || {
        [
            Given::Done(put(world, CONFIG, 0o600, "PermitRootLogin no\n")),
            Given::Done(put(world, "/etc/ssh/new", 0o644, "x")),
        ]
    };
    let guarded = || [was(), ssh(), Given::Done(arm(world, "a"))].into_iter().chain(change());
    vec![
        case("a revert is armed", arm(world, "a"), Expect::Changed)
            .before([was(), ssh()])
            .after([Then::Facts(armed), Then::File(CONFIG, 0o644, "PermitRootLogin yes\n")]),
        case("one revert at a time", arm(world, "b"), Expect::Failed(Conflict))
            .before(guarded())
            .after([Then::Facts(armed)]),
        case("what is disarmed stays changed", disarm("a"), Expect::Changed)
            .before(guarded())
            .after([Then::Facts(not_armed), Then::File(CONFIG, 0o600, "PermitRootLogin no\n")]),
        case("what is not armed needs no disarming", disarm("a"), Expect::Unchanged)
            .after([Then::Facts(not_armed)]),
        case("a reboot takes the change back", disarm("a"), Expect::Failed(GuardFired))
            .before(guarded().chain([Given::Boot]))
            .after([
                Then::File(CONFIG, 0o644, "PermitRootLogin yes\n"),
                Then::Absent("/etc/ssh/new"),
                Then::Facts(not_armed),
            ]),
        case("a revert that has fired is not armed again", arm(world, "a"), Expect::Failed(GuardFired))
            .before(guarded().chain([Given::Boot])),
        case("after one has fired, another can be armed", arm(world, "b"), Expect::Changed)
            .before(guarded().chain([Given::Boot]))
            .after([Then::File(CONFIG, 0o644, "PermitRootLogin yes\n")]),
        case("a reboot after disarming takes nothing back", disarm("a"), Expect::Unchanged)
            .before(guarded().chain([Given::Done(disarm("a")), Given::Boot]))
            .after([Then::File(CONFIG, 0o600, "PermitRootLogin no\n")]),
    ]
}
