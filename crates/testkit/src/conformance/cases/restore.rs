//! Giving up what is owned.

use model::{
    op::HostOp,
    reply::FailureKind::Conflict,
    resource::{Kind, ResourceId},
};

use super::{Case, Expect, Given, Step, Then, World, case, claimed, ensure, file, owns, put, saw};

const MOTD: &str = "/etc/motd";
const DEEP: &str = "/srv/x/y/z/file";

fn give_up(kind: Kind, name: &str) -> Step {
    Step::new(HostOp::Restore { resource: ResourceId::new(kind, name) })
}

pub(super) fn cases(world: &World) -> Vec<Case> {
    let ours = || Given::Done(put(world, MOTD, 0o644, "ours\n").owned());
    let deep = || Given::Done(put(world, DEEP, 0o644, "ours\n").owned());
    let dir = |mode| {
        let op = HostOp::PutDir { path: "/srv/x".to_owned(), meta: world.meta(mode) };
        Given::Done(Step::new(op).owned())
    };
    let mode = HostOp::SetMeta { path: "/etc/crontab".to_owned(), meta: world.meta(0o600) };
    let package = HostOp::InstallPackages { tool: world.packages, names: vec!["chrony".to_owned()] };
    vec![
        case("a file with nothing before it is deleted", give_up(Kind::File, MOTD), Expect::Changed)
            .before([claimed(), ours()])
            .after([
                Then::Absent(MOTD),
                Then::Facts(|facts| ensure(!owns(Kind::File, MOTD, facts), "given up")),
            ]),
        case("the directories made for a file go with it", give_up(Kind::File, DEEP), Expect::Changed)
            .before([claimed(), Given::Dir { path: "/srv/x", mode: 0o711 }, deep()])
            .after([Then::Absent("/srv/x/y"), Then::Dir("/srv/x", 0o711)]),
        case("but not while something else is in them", give_up(Kind::File, DEEP), Expect::Changed)
            .before([claimed(), deep(), file("/srv/x/theirs", "x")])
            .after([Then::Absent("/srv/x/y"), Then::File("/srv/x/theirs", 0o644, "x")]),
        case("the file that was before comes back", give_up(Kind::File, MOTD), Expect::Changed)
            .before([claimed(), Given::File { path: MOTD, mode: 0o640, text: "theirs\n".to_owned() }, ours()])
            .after([Then::File(MOTD, 0o640, "theirs\n")]),
        case("the link that was before comes back", give_up(Kind::File, MOTD), Expect::Changed)
            .before([claimed(), Given::Link { path: MOTD, target: "../run/motd" }, ours()])
            .after([Then::Link(MOTD, "../run/motd")]),
        case("what is not owned is not touched", give_up(Kind::File, MOTD), Expect::Unchanged)
            .before([claimed(), file(MOTD, "theirs\n")])
            .after([Then::File(MOTD, 0o644, "theirs\n")]),
        case(
            "an owned file that somebody changed since the plan is a conflict",
            give_up(Kind::File, MOTD).was(MOTD, saw(world, 0o644, "ours\n")),
            Expect::Failed(Conflict),
        )
        .before([claimed(), ours(), file(MOTD, "edited\n")])
        .after([Then::File(MOTD, 0o644, "edited\n")]),
        case("an empty directory goes", give_up(Kind::Dir, "/srv/x"), Expect::Changed)
            .before([claimed(), dir(0o755)])
            .after([Then::Absent("/srv/x")]),
        case("a directory that holds something stays", give_up(Kind::Dir, "/srv/x"), Expect::Changed)
            .before([claimed(), dir(0o755), file("/srv/x/theirs", "x")])
            .after([Then::File("/srv/x/theirs", 0o644, "x")]),
        case("a directory that was there gets its mode back", give_up(Kind::Dir, "/srv/x"), Expect::Changed)
            .before([claimed(), Given::Dir { path: "/srv/x", mode: 0o711 }, dir(0o755)])
            .after([Then::Dir("/srv/x", 0o711)]),
        case("a mode is given back", give_up(Kind::Mode, "/etc/crontab"), Expect::Changed)
            .before([claimed(), file("/etc/crontab", "x"), Given::Done(Step::new(mode).owned())])
            .after([Then::File("/etc/crontab", 0o644, "x")]),
        case("a package is given up and stays installed", give_up(Kind::Package, "chrony"), Expect::Changed)
            .before([
                claimed(),
                Given::Package { name: "chrony", installed: false },
                Given::Done(Step::new(package).owned_as(ResourceId::new(Kind::Package, "chrony"))),
            ])
            .after([
                Then::Installed("chrony"),
                Then::Facts(|facts| ensure(!owns(Kind::Package, "chrony", facts), "given up")),
            ]),
    ]
}
