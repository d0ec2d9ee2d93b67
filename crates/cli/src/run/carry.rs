//! Carrying an aim out on a world: look, plan, ask, apply, look again.
//!
//! Owns: when a person is asked, and what is shown then. Must not: know whether the world is real.

use engine::{Consent, Converged, Run, World};
use model::{facts::Facts, plan::Plan, report::Report};

use super::aim::Aim;
use crate::{
    args::Output,
    command::Session,
    failure::{Failure, Kind},
    output,
    ui::{ask, change, finding, screen::Screen},
};

/// How the operator says yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Permission {
    /// Nothing real is touched.
    NotNeeded,
    /// He did already.
    Given,
    /// By answering yes.
    Asked(String),
    /// By typing this name.
    Typed(String),
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Carried {
    /// How it ended.
    pub(crate) converged: Converged,
    /// Why the first plan was not carried out, where that was not the operator's no.
    pub(crate) refused: Option<Failure>,
}

/// Carries an aim out, unless `hold` says of the first look that something else must be settled before.
pub(crate) async fn carry(
    session: &Session,
    world: &World<'_>,
    run: &Run,
    aim: &Aim<'_>,
    screen: &Screen,
    permission: &Permission,
    hold: &dyn Fn(&Facts) -> bool,
) -> Carried {
    let mut refused = None;
    let mut consent = |plan: &Plan, report: &Report, facts: &Facts| {
        if hold(facts) {
            return Consent::Stop;
        }
        if plan::forbids(report) {
            refused = Some(Failure::shown(Kind::Refused));
            return Consent::Refuse;
        }
        screen.rest();
        let (consent, failure) = match permitted(session, plan, report, permission) {
            Ok(true) => (Consent::Go, None),
            Ok(false) => (Consent::Stop, None),
            Err(failure) => (Consent::Stop, Some(failure)),
        };
        refused = failure;
        consent
    };
    let surveys = aim.surveys();
    let servers = aim.servers();
    let converged =
        engine::converge(world, run, &surveys, &servers, &mut |facts| aim.plan(facts), &mut consent).await;
    Carried { converged, refused }
}

/// Shows the plan and asks, as far as that is still needed.
pub(crate) fn permitted(
    session: &Session,
    plan: &Plan,
    report: &Report,
    permission: &Permission,
) -> Result<bool, Failure> {
    let paint = session.paint_err();
    if session.global.output == Output::Json {
        output::json_line(&change::Document::new(plan, report))?;
    } else if *permission != Permission::NotNeeded {
        output::to_stderr(&format!("\n{}\n", change::show(plan, report, session.depth(), paint)));
        output::to_stderr(&finding::show(report, paint));
    }
    Ok(match permission {
        Permission::NotNeeded | Permission::Given => true,
        Permission::Asked(question) => ask::whether(question, paint),
        Permission::Typed(name) => {
            ask::line(&format!("Type {name} to go on"), "", paint).is_some_and(|answer| answer == *name)
        }
    })
}
