//! What an observation tells.

use model::{
    digest::Sha256,
    facts::{Content, FileFact, HostFacts},
    op::{HostOp, Look, Survey},
};

use super::{Case, Expect, Given, Step, Then, World, case, claimed, ensure, file};

pub(super) fn cases(world: &World) -> Vec<Case> {
    let mut survey = Survey::default();
    survey.paths.insert("/etc/motd".to_owned(), Look::Meta);
    survey.paths.insert("/etc/secret".to_owned(), Look::Secret(Some(model::secret::Content::text("s3cret"))));
    survey.services.push("chrony".to_owned());
    survey.sysctls.push("net.no.such".to_owned());
    survey.modules.push("no_such".to_owned());
    survey.packages.push("no-such".to_owned());
    let secret = HostOp::PutFile {
        path: "/etc/secret".to_owned(),
        meta: world.meta(0o600),
        content: model::secret::Content::text("s3cret"),
        later: None,
    };
    vec![
        case(
            "everything asked about is answered",
            Step::new(HostOp::Observe(survey)).body(b"s3cret", true),
            Expect::Observed,
        )
        .before([file("/etc/motd", "x"), file("/etc/secret", "other")])
        .after([Then::Absent("/etc/nothing"), Then::Facts(world_is_known)]),
        case(
            "the text of a public file that is not as it is wanted comes along, no other's does",
            Step::new(HostOp::Observe(Survey::default())),
            Expect::Observed,
        )
        .before([
            file("/etc/motd", "old\nwords\n"),
            file("/etc/same", "same\n"),
            Given::File { path: "/etc/private", mode: 0o600, text: "hidden\n".to_owned() },
        ])
        .after([
            Then::Text("/etc/motd", "new\n", Some("old\nwords\n")),
            Then::Text("/etc/same", "same\n", None),
            Then::Text("/etc/private", "new\n", None),
            Then::Text("/etc/none", "new\n", None),
        ]),
        case(
            "what is owned is observed without being asked about",
            Step::new(HostOp::Observe(Survey::default())),
            Expect::Observed,
        )
        .before([claimed(), Given::Done(Step::new(secret).owned().body(b"s3cret", true))])
        .after([Then::Facts(keyed)]),
        case(
            "an etcd member that was removed from its cluster is told by the tombstone it leaves",
            Step::new(HostOp::Observe(Survey::default())),
            Expect::Observed,
        )
        .before([Given::File {
            path: "/var/lib/rancher/k3s/server/db/etcd/tombstone",
            mode: 0o600,
            text: String::new(),
        }])
        .after([Then::Facts(was_removed)]),
    ]
}

fn was_removed(facts: &HostFacts) -> Result<(), String> {
    ensure(facts.stable.k3s.data.removed, "it was removed, and knows")
}

fn world_is_known(facts: &HostFacts) -> Result<(), String> {
    ensure(!facts.stable.hostname.is_empty(), "a host has a name")?;
    ensure(facts.volatile.clock > 1_600_000_000, "a host has a clock")?;
    ensure(facts.stable.owned.is_none(), "nobody claimed it")?;
    ensure(!facts.stable.k3s.data.removed, "nothing was removed from a cluster")
}

fn keyed(facts: &HostFacts) -> Result<(), String> {
    let plain = Sha256::of(b"s3cret");
    match facts.stable.files.get("/etc/secret") {
        Some(FileFact::File { content: Content::Keyed { digest, wanted: None }, .. }) => {
            ensure(*digest != plain, "the plain digest of a secret is not told")
        }
        other => Err(format!("a keyed digest, not {other:?}")),
    }
}
