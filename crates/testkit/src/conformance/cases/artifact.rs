//! Artefacts, downloaded or sent.

use model::{
    digest::Sha256,
    op::{HostOp, Origin},
    reply::FailureKind::{Checksum, Download, Missing},
};

use super::{Case, Expect, Given, Step, Then, World, case, file};

const PATH: &str = "/usr/local/bin/tool";
const URL: &str = "https://releases.example.org/v1/tool";
const BYTES: &str = "twenty bytes, no end";

pub(super) fn cases(world: &World) -> Vec<Case> {
    [fetched(world), sent(world)].concat()
}

fn fetch(world: &World, from: Origin, bytes: &str) -> Step {
    let sha256 = Sha256::of(bytes.as_bytes());
    Step::new(HostOp::FetchArtifact { from, sha256, path: PATH.to_owned(), meta: world.meta(0o755) })
}

fn chunk(offset: u64, bytes: &str) -> Step {
    let sha256 = Sha256::of(BYTES.as_bytes());
    Step::new(HostOp::ReceiveChunk { sha256, offset }).body(bytes.as_bytes(), false)
}

fn fetched(world: &World) -> Vec<Case> {
    let url = || Origin::Url(URL.to_owned());
    let served = || Given::Served { url: URL, text: BYTES };
    vec![
        case("an artefact is downloaded", fetch(world, url(), BYTES), Expect::Changed)
            .before([served()])
            .after([Then::File(PATH, 0o755, BYTES)]),
        case("an artefact that is in its place is left alone", fetch(world, url(), BYTES), Expect::Unchanged)
            .before([Given::File { path: PATH, mode: 0o755, text: BYTES.to_owned() }]),
        case(
            "an artefact of another mode is not downloaded again",
            fetch(world, url(), BYTES),
            Expect::Changed,
        )
        .before([file(PATH, BYTES)])
        .after([Then::File(PATH, 0o755, BYTES)]),
        case("another artefact is replaced", fetch(world, url(), BYTES), Expect::Changed)
            .before([served(), file(PATH, "an older one")])
            .after([Then::File(PATH, 0o755, BYTES)]),
        case("a broken download is gone on with", fetch(world, url(), BYTES), Expect::Changed)
            .before([served(), Given::Done(chunk(0, &BYTES[..7]))])
            .after([Then::File(PATH, 0o755, BYTES)]),
        case(
            "a broken download of something else is begun again",
            fetch(world, url(), BYTES),
            Expect::Changed,
        )
        .before([served(), Given::Done(chunk(0, "rubbish"))])
        .after([Then::File(PATH, 0o755, BYTES)]),
        case(
            "other bytes than the lock says are refused",
            fetch(world, url(), "others"),
            Expect::Failed(Checksum),
        )
        .before([served()])
        .after([Then::Absent(PATH)]),
        case("a download that fails says so", fetch(world, url(), BYTES), Expect::Failed(Download))
            .after([Then::Absent(PATH)]),
    ]
}

fn sent(world: &World) -> Vec<Case> {
    let origin = || Origin::Sent { name: "tool".to_owned(), url: URL.to_owned() };
    vec![
        case("a sent artefact is brought to its place", fetch(world, origin(), BYTES), Expect::Changed)
            .before([Given::Done(chunk(0, BYTES))])
            .after([Then::File(PATH, 0o755, BYTES)]),
        case(
            "an artefact that was not sent is missing",
            fetch(world, origin(), BYTES),
            Expect::Failed(Missing),
        ),
        case("a first chunk is received", chunk(0, &BYTES[..7]), Expect::Received(7))
            .again(Expect::Received(7)),
        case("a next chunk is put behind the first", chunk(7, &BYTES[7..]), Expect::Received(20))
            .before([Given::Done(chunk(0, &BYTES[..7]))]),
        case("a chunk for elsewhere is not written", chunk(9, "rubbish"), Expect::Received(7))
            .before([Given::Done(chunk(0, &BYTES[..7]))]),
    ]
}
