//! The cases, a file for each family of operations.

mod artifact;
mod claim;
mod file;
mod guard;
mod k3s;
mod kernel;
mod observe;
mod restore;
mod secret;
mod service;

use model::{
    facts::FileFact,
    op::HostOp,
    resource::{Kind, ResourceId},
    secret::Content,
};

use super::{Case, Expect, Given, Step, Then, World};

/// Every operation's name. Each has a case; a new one does not build until it stands here.
pub const OPERATIONS: [&str; 23] = [
    "observe",
    "take-lock",
    "release-lock",
    "claim",
    "unclaim",
    "put-file",
    "put-dir",
    "put-link",
    "set-meta",
    "restore",
    "install-packages",
    "load-modules",
    "set-sysctls",
    "set-service",
    "fetch-artifact",
    "receive-chunk",
    "make-secret",
    "read-secret",
    "arm-guard",
    "disarm-guard",
    "record-integrity",
    "kill-k3s",
    "remove-k3s",
];

/// All cases for a world.
pub fn cases(world: &World) -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(file::cases(world));
    cases.extend(restore::cases(world));
    cases.extend(kernel::cases(world));
    cases.extend(service::cases(world));
    cases.extend(artifact::cases(world));
    cases.extend(secret::cases());
    cases.extend(claim::cases(world));
    cases.extend(guard::cases(world));
    cases.extend(k3s::cases(world));
    cases.extend(observe::cases(world));
    cases
}

/// A case; asked again, it answers that nothing is to do, or fails again.
fn case(name: &'static str, step: Step, expect: Expect) -> Case {
    let again = if expect == Expect::Changed { Expect::Unchanged } else { expect };
    Case { name, before: Vec::new(), step, expect, again, after: Vec::new() }
}

impl Case {
    fn before(mut self, given: impl IntoIterator<Item = Given>) -> Self {
        self.before.extend(given);
        self
    }

    fn after(mut self, then: impl IntoIterator<Item = Then>) -> Self {
        self.after.extend(then);
        self
    }

    fn again(mut self, again: Expect) -> Self {
        self.again = again;
        self
    }
}

fn file(path: &'static str, text: &str) -> Given {
    Given::File { path, mode: 0o644, text: text.to_owned() }
}

fn put(world: &World, path: &str, mode: u32, text: &str) -> Step {
    let (meta, content) = (world.meta(mode), Content::text(text));
    Step::new(HostOp::PutFile { path: path.to_owned(), meta, content, later: None })
        .body(text.as_bytes(), false)
}

/// As the plan would have seen a public file.
fn saw(world: &World, mode: u32, text: &str) -> FileFact {
    let content = model::facts::Content::Digest(model::digest::Sha256::of(text.as_bytes()));
    FileFact::File { meta: world.meta(mode), content }
}

fn claimed() -> Given {
    let cluster = "harbor".parse().expect("a name");
    Given::Done(Step::new(HostOp::Claim { cluster, id: "1f2e".to_owned(), instead: None }))
}

fn owns(kind: Kind, name: &str, facts: &model::facts::HostFacts) -> bool {
    let id = ResourceId::new(kind, name);
    facts.stable.owned.as_ref().is_some_and(|owned| owned.entries.contains_key(&id))
}

fn ensure(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}
