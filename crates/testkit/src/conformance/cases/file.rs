//! Files, directories, links, modes.

use model::{
    facts::{Before, FileFact},
    op::HostOp,
    reply::FailureKind::{Command, Conflict},
    resource::{Kind, ResourceId},
};

use super::{Case, Expect, Given, Step, Then, World, case, claimed, ensure, file, owns, put, saw};

const MOTD: &str = "/etc/motd";

pub(super) fn cases(world: &World) -> Vec<Case> {
    [files(world), conflicts(world), ownership(world), directories(world), links(), modes(world)].concat()
}

fn files(world: &World) -> Vec<Case> {
    let write = |mode, text| put(world, MOTD, mode, text);
    vec![
        case("a file is written where nothing was", write(0o644, "welcome\n"), Expect::Changed)
            .after([Then::File(MOTD, 0o644, "welcome\n")]),
        case("a file that is as it should be is left alone", write(0o644, "welcome\n"), Expect::Unchanged)
            .before([file(MOTD, "welcome\n")])
            .after([Then::File(MOTD, 0o644, "welcome\n")]),
        case("a file of other content is replaced", write(0o644, "welcome\n"), Expect::Changed)
            .before([file(MOTD, "old\n")])
            .after([Then::File(MOTD, 0o644, "welcome\n")]),
        case("a file of another mode is replaced", write(0o600, "welcome\n"), Expect::Changed)
            .before([file(MOTD, "welcome\n")])
            .after([Then::File(MOTD, 0o600, "welcome\n")]),
        case(
            "missing directories above a file are made",
            put(world, "/opt/a b/c/d.sh", 0o755, "x"),
            Expect::Changed,
        )
        .after([Then::File("/opt/a b/c/d.sh", 0o755, "x"), Then::Dir("/opt/a b", 0o755)]),
        case("a link is replaced, not followed", write(0o644, "welcome\n"), Expect::Changed)
            .before([file("/run/motd", "theirs\n"), Given::Link { path: MOTD, target: "../run/motd" }])
            .after([Then::File(MOTD, 0o644, "welcome\n"), Then::File("/run/motd", 0o644, "theirs\n")]),
        case("a link to a directory is replaced too", write(0o644, "welcome\n"), Expect::Changed)
            .before([
                Given::Dir { path: "/run/d", mode: 0o755 },
                Given::Link { path: MOTD, target: "../run/d" },
            ])
            .after([Then::File(MOTD, 0o644, "welcome\n"), Then::Absent("/run/d/motd")]),
        case(
            "a file that a later step has already put here lies behind",
            later(world, "final\n"),
            Expect::Unchanged,
        )
        .before([file(MOTD, "final\n")])
        .after([Then::File(MOTD, 0o644, "final\n")]),
        case("a file is written on the way to a later one", later(world, "final\n"), Expect::Changed)
            .before([file(MOTD, "old\n")])
            .after([Then::File(MOTD, 0o644, "first\n")]),
        case("an empty file is written", write(0o644, ""), Expect::Changed)
            .after([Then::File(MOTD, 0o644, "")]),
        case(
            "quotes, blanks and dollars in a path are a path",
            put(world, "/etc/it's $HOME \"`x`\"", 0o640, "y"),
            Expect::Changed,
        )
        .after([Then::File("/etc/it's $HOME \"`x`\"", 0o640, "y")]),
    ]
}

/// Puts `first` where the same plan later puts this.
fn later(world: &World, text: &str) -> Step {
    let mut step = put(world, MOTD, 0o644, "first\n");
    if let HostOp::PutFile { later, .. } = &mut step.op {
        *later = Some(model::digest::Sha256::of(text.as_bytes()));
    }
    step
}

fn conflicts(world: &World) -> Vec<Case> {
    let write = put(world, MOTD, 0o644, "welcome\n");
    let dir = Given::Dir { path: MOTD, mode: 0o755 };
    vec![
        case(
            "a file as the plan saw it is replaced",
            write.clone().was(MOTD, saw(world, 0o644, "old\n")),
            Expect::Changed,
        )
        .before([file(MOTD, "old\n")]),
        case(
            "a file that changed since the plan is a conflict",
            write.clone().was(MOTD, saw(world, 0o644, "old\n")),
            Expect::Failed(Conflict),
        )
        .before([file(MOTD, "newer\n")])
        .after([Then::File(MOTD, 0o644, "newer\n")]),
        case(
            "a file whose mode changed since the plan is a conflict",
            write.clone().was(MOTD, saw(world, 0o600, "old\n")),
            Expect::Failed(Conflict),
        )
        .before([file(MOTD, "old\n")]),
        case(
            "a file that came since the plan is a conflict",
            write.clone().was(MOTD, FileFact::Absent),
            Expect::Failed(Conflict),
        )
        .before([file(MOTD, "theirs\n")])
        .after([Then::File(MOTD, 0o644, "theirs\n")]),
        case(
            "a file that went since the plan is a conflict",
            write.clone().was(MOTD, saw(world, 0o644, "old\n")),
            Expect::Failed(Conflict),
        )
        .after([Then::Absent(MOTD)]),
        case(
            "a step whose end is reached asks nothing of what was",
            write.clone().was(MOTD, FileFact::Absent),
            Expect::Unchanged,
        )
        .before([file(MOTD, "welcome\n")]),
        case("a directory in a file's place is a conflict", write.clone(), Expect::Failed(Conflict))
            .before([dir]),
        case(
            "a file above a file is a failed command",
            put(world, "/etc/motd/x", 0o644, "x"),
            Expect::Failed(Command),
        )
        .before([file(MOTD, "old\n")])
        .after([Then::File(MOTD, 0o644, "old\n")]),
    ]
}

fn ownership(world: &World) -> Vec<Case> {
    let write = || put(world, MOTD, 0o644, "welcome\n").owned();
    vec![
        case("a new file is owned, and nothing was before", write(), Expect::Changed)
            .before([claimed()])
            .after([Then::Facts(|facts| {
                ensure(before_motd(facts) == Some(Before::Nothing), "before: nothing")
            })]),
        case("what a new file replaces is kept", write(), Expect::Changed)
            .before([claimed(), file(MOTD, "theirs\n")])
            .after([Then::Facts(|facts| ensure(before_motd(facts) == Some(Before::Kept), "before: kept"))]),
        case("what is written twice was before the first", write(), Expect::Changed)
            .before([claimed(), Given::Done(put(world, MOTD, 0o644, "first\n").owned())])
            .after([Then::Facts(|facts| {
                ensure(before_motd(facts) == Some(Before::Nothing), "before: nothing")
            })]),
        case("taking over what is already right is a change", write(), Expect::Changed)
            .before([claimed(), file(MOTD, "welcome\n")])
            .after([Then::Facts(|facts| ensure(before_motd(facts) == Some(Before::Kept), "before: kept"))]),
        case("what is not to be owned is not", put(world, MOTD, 0o644, "welcome\n"), Expect::Changed)
            .before([claimed()])
            .after([Then::Facts(|facts| ensure(!owns(Kind::File, MOTD, facts), "not owned"))]),
    ]
}

fn before_motd(facts: &model::facts::HostFacts) -> Option<Before> {
    let owned = facts.stable.owned.as_ref()?;
    Some(owned.entries.get(&ResourceId::new(Kind::File, MOTD))?.before.clone())
}

fn directories(world: &World) -> Vec<Case> {
    let make = |mode| Step::new(HostOp::PutDir { path: "/srv/a/b".to_owned(), meta: world.meta(mode) });
    vec![
        case("a directory is made with those above it", make(0o750), Expect::Changed)
            .after([Then::Dir("/srv/a/b", 0o750), Then::Dir("/srv/a", 0o755)]),
        case("a directory of another mode gets this one", make(0o700), Expect::Changed)
            .before([Given::Dir { path: "/srv/a/b", mode: 0o755 }])
            .after([Then::Dir("/srv/a/b", 0o700)]),
        case("a directory that is right is left alone", make(0o755), Expect::Unchanged)
            .before([Given::Dir { path: "/srv/a/b", mode: 0o755 }]),
        case("a file in a directory's place is a conflict", make(0o755), Expect::Failed(Conflict))
            .before([file("/srv/a/b", "x")])
            .after([Then::File("/srv/a/b", 0o644, "x")]),
    ]
}

fn links() -> Vec<Case> {
    let link =
        || Step::new(HostOp::PutLink { path: "/usr/bin/kubectl".to_owned(), target: "k3s".to_owned() });
    let there = |target| Given::Link { path: "/usr/bin/kubectl", target };
    vec![
        case("a link is made", link(), Expect::Changed).after([Then::Link("/usr/bin/kubectl", "k3s")]),
        case("a link that is right is left alone", link(), Expect::Unchanged).before([there("k3s")]),
        case("a link to elsewhere is replaced", link(), Expect::Changed)
            .before([there("/opt/kubectl")])
            .after([Then::Link("/usr/bin/kubectl", "k3s")]),
        case(
            "a link as the plan saw it is replaced",
            link().was("/usr/bin/kubectl", FileFact::Link { target: "/opt/kubectl".to_owned() }),
            Expect::Changed,
        )
        .before([there("/opt/kubectl")]),
        case(
            "a link to elsewhere than the plan saw is a conflict",
            link().was("/usr/bin/kubectl", FileFact::Link { target: "/opt/kubectl".to_owned() }),
            Expect::Failed(Conflict),
        )
        .before([there("/opt/other")])
        .after([Then::Link("/usr/bin/kubectl", "/opt/other")]),
        case("a file in a link's place is replaced", link(), Expect::Changed)
            .before([file("/usr/bin/kubectl", "x")])
            .after([Then::Link("/usr/bin/kubectl", "k3s")]),
        case("a directory in a link's place is a conflict", link(), Expect::Failed(Conflict))
            .before([Given::Dir { path: "/usr/bin/kubectl", mode: 0o755 }]),
    ]
}

fn modes(world: &World) -> Vec<Case> {
    let set = || Step::new(HostOp::SetMeta { path: "/etc/crontab".to_owned(), meta: world.meta(0o600) });
    vec![
        case("a mode is set", set(), Expect::Changed)
            .before([file("/etc/crontab", "x")])
            .after([Then::File("/etc/crontab", 0o600, "x")]),
        case("a mode that is right is left alone", set(), Expect::Unchanged).before([Given::File {
            path: "/etc/crontab",
            mode: 0o600,
            text: "x".to_owned(),
        }]),
        case("what is not there has no mode to set", set(), Expect::Unchanged)
            .after([Then::Absent("/etc/crontab")]),
        case("a link has no mode to set", set(), Expect::Failed(Conflict))
            .before([Given::Link { path: "/etc/crontab", target: "x" }]),
        case("a mode that is owned was another before", set().owned(), Expect::Changed)
            .before([claimed(), file("/etc/crontab", "x")])
            .after([Then::Facts(|facts| ensure(owns(Kind::Mode, "/etc/crontab", facts), "owned"))]),
    ]
}
