//! Secrets made and read on the host.

use model::{
    facts::FileFact,
    op::HostOp,
    reply::FailureKind::{Conflict, Missing},
};

use super::{Case, Expect, Given, Step, Then, case, ensure, file};

const PATH: &str = "/etc/rancher/k3s/token";

pub(super) fn cases() -> Vec<Case> {
    let make = || Step::new(HostOp::MakeSecret { path: PATH.to_owned(), bytes: 16 });
    let read = || Step::new(HostOp::ReadSecret { path: PATH.to_owned() });
    vec![
        case("a secret is made where none is", make().owned(), Expect::Changed)
            .before([super::claimed()])
            .after([Then::Facts(|facts| {
                let private = matches!(
                    facts.stable.files.get(PATH),
                    Some(FileFact::File { meta, content: model::facts::Content::Keyed { .. } }) if meta.mode == 0o600
                );
                ensure(private, "a file of mode 0600, of which only a keyed digest is told")
            })]),
        case("a secret that is there is kept", make(), Expect::Unchanged)
            .before([file(PATH, "theirs\n")])
            .after([Then::File(PATH, 0o644, "theirs\n")]),
        case("a directory in a secret's place is a conflict", make(), Expect::Failed(Conflict))
            .before([Given::Dir { path: PATH, mode: 0o755 }]),
        case("a secret is read byte for byte", read(), Expect::Secret(b"line\nno end")).before([file(PATH, "line\nno end")]),
        case("an empty secret is none", read(), Expect::Failed(Missing)).before([file(PATH, "")]),
        case("nor is one of white space", read(), Expect::Failed(Missing)).before([file(PATH, " \n\t\n")]),
        case("a secret that is not there is missing", read(), Expect::Failed(Missing)),
    ]
}
