//! Whose host it is: claim, lock, integrity.

use model::{
    op::{Holder, HostOp, Lease},
    reply::FailureKind::{Conflict, Foreign, Locked},
};

use super::{Case, Expect, Given, Step, Then, World, case, claimed, ensure, file, put};

pub(super) fn cases(world: &World) -> Vec<Case> {
    [claims(world), locks(), integrity()].concat()
}

fn claims(world: &World) -> Vec<Case> {
    let claim = |name: &str, id: &str| {
        Step::new(HostOp::Claim { cluster: name.parse().expect("a name"), id: id.to_owned(), instead: None })
    };
    let ours = || Given::Done(put(world, "/etc/motd", 0o644, "x").owned());
    vec![
        case("a host is claimed", claim("harbor", "1f2e"), Expect::Changed).after([Then::Facts(|facts| {
            let owned = facts.stable.owned.as_ref();
            ensure(
                owned.is_some_and(|owned| owned.cluster.as_str() == "harbor" && owned.id == "1f2e"),
                "claimed",
            )
        })]),
        case("a host of the same cluster is left alone", claim("harbor", "1f2e"), Expect::Unchanged)
            .before([claimed()]),
        case("a host of another cluster is refused", claim("other", "77aa"), Expect::Failed(Foreign))
            .before([claimed()]),
        case(
            "a host of another cluster of that name is refused",
            claim("harbor", "77aa"),
            Expect::Failed(Foreign),
        )
        .before([claimed()]),
        case(
            "a host that carries the id that is given up is claimed anew",
            Step::new(HostOp::Claim {
                cluster: "harbor".parse().expect("a name"),
                id: "77aa".to_owned(),
                instead: Some("1f2e".to_owned()),
            }),
            Expect::Changed,
        )
        .before([claimed()])
        .after([Then::Facts(|facts| {
            let owned = facts.stable.owned.as_ref();
            ensure(owned.is_some_and(|owned| owned.id == "77aa"), "claimed anew")
        })]),
        case("a claim is taken back", Step::new(HostOp::Unclaim), Expect::Changed)
            .before([claimed()])
            .after([Then::Facts(|facts| ensure(facts.stable.owned.is_none(), "not claimed"))]),
        case("a host that was never claimed is left alone", Step::new(HostOp::Unclaim), Expect::Unchanged),
        case("a claim stays while something is owned", Step::new(HostOp::Unclaim), Expect::Failed(Conflict))
            .before([claimed(), ours()])
            .after([Then::Facts(|facts| ensure(facts.stable.owned.is_some(), "still claimed"))]),
    ]
}

fn holder(user: &str) -> Holder {
    Holder { user: user.to_owned(), machine: "lap top".to_owned(), pid: 4711, started: 1_700_000_000 }
}

fn take(user: &str, seconds: u32, dead: Vec<Holder>) -> Step {
    let cluster = "harbor".parse().expect("a name");
    Step::new(HostOp::TakeLock(Lease { holder: holder(user), cluster, seconds, dead }))
}

fn locks() -> Vec<Case> {
    let release = |user| Step::new(HostOp::ReleaseLock { holder: holder(user) });
    let held = |seconds| Given::Done(take("ada", seconds, Vec::new()));
    vec![
        case("a free lock is taken", take("ada", 600, Vec::new()), Expect::Changed),
        case("a lock that is held already is kept", take("ada", 600, Vec::new()), Expect::Unchanged)
            .before([held(600)]),
        case("another's lock is refused", take("bob", 600, Vec::new()), Expect::Failed(Locked))
            .before([held(600)]),
        case("a lock whose lease has ended is taken", take("bob", 600, Vec::new()), Expect::Changed)
            .before([held(0)]),
        case(
            "the lock of a dead process is taken at once",
            take("bob", 600, vec![holder("ada")]),
            Expect::Changed,
        )
        .before([held(600)]),
        case("a lock is given back", release("ada"), Expect::Changed).before([held(600)]),
        case("another's lock is not given back", release("bob"), Expect::Unchanged).before([held(600)]),
    ]
}

fn integrity() -> Vec<Case> {
    let paths = vec!["/etc/passwd".to_owned(), "/etc/gone".to_owned()];
    let record = Step::new(HostOp::RecordIntegrity { paths });
    vec![
        case("an integrity record is made", record.clone(), Expect::Changed)
            .before([file("/etc/passwd", "root\n")])
            .after([Then::Facts(|facts| {
                let watched = facts.stable.integrity.get("/etc/passwd");
                let gone = facts.stable.integrity.get("/etc/gone");
                ensure(
                    watched.is_some_and(|fact| fact.recorded.is_some() && fact.recorded == fact.now),
                    "unchanged",
                )?;
                ensure(gone.is_some_and(|fact| fact.recorded.is_none() && fact.now.is_none()), "never there")
            })]),
        case("a changed file is recorded anew", record, Expect::Changed).before([
            file("/etc/passwd", "root\n"),
            Given::Done(Step::new(HostOp::RecordIntegrity { paths: vec!["/etc/passwd".to_owned()] })),
            file("/etc/passwd", "root\nmallory\n"),
        ]),
    ]
}
