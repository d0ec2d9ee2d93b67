//! The verbs, one file each: what was typed, and what it does.

pub(crate) mod apply;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod destroy;
pub(crate) mod init;
pub(crate) mod kubeconfig;
pub(crate) mod lock;
pub(crate) mod man;
pub(crate) mod plan;
mod real;
pub(crate) mod reference;
pub(crate) mod rehearse;
pub(crate) mod render;
pub(crate) mod schema;
mod session;
pub(crate) mod status;

use std::collections::BTreeMap;

use model::lock::Lock;

pub(crate) use session::Session;

use crate::{
    args::Verb,
    failure::{Ending, Failure},
};

/// Runs a verb.
pub(crate) fn run(session: &Session, verb: Verb) -> Result<Ending, Failure> {
    match verb {
        Verb::Init(args) => init::run(session, &args),
        Verb::Check(_) => check::run(session),
        Verb::Lock(args) => lock::run(session, &args),
        Verb::Plan(args) => plan::run(session, &args),
        Verb::Apply(args) => apply::run(session, &args),
        Verb::Rehearse(args) => rehearse::run(session, &args),
        Verb::Render(args) => render::run(session, &args),
        Verb::Status(args) => status::run(session, &args),
        Verb::Kubeconfig(args) => kubeconfig::run(session, &args),
        Verb::Destroy(args) => destroy::run(session, &args),
        Verb::Schema(_) => schema::run(),
        Verb::Completions(args) => completions::run(&args),
        Verb::Reference(args) => reference::run(session, &args),
        Verb::Man(args) => man::run(&args),
    }
}

/// A lock that knows no release.
fn no_lock() -> Lock {
    Lock { version: 1, k3s: BTreeMap::new() }
}
