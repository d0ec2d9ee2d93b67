//! A run on real hosts: an aim, or a plan that was saved, carried out and told.
//!
//! Owns: who listens to a run, and how its end is shown. Must not: decide what is done.

use engine::{Converged, Refusal, Run, Saved, World};
use model::{
    facts::{Facts, KubeFacts},
    port::Events,
    report::Report,
};

use super::{Job, drive};
use crate::{
    command::Session,
    failure::{Failure, Kind},
    output,
    run::{
        Listeners,
        aim::Aim,
        carry::{self, Permission},
        journal::Journal,
        tally::Tally,
    },
    ui::{screen::Screen, summary},
    world::{real::Real, trust},
};

/// What was heard of a run, once it is over.
struct Heard {
    tally: Tally,
    journal: Option<Journal>,
}

impl Job {
    /// Carries an aim out and shows how it ended.
    pub(crate) fn carry(
        &self,
        session: &Session,
        aim: &Aim<'_>,
        permission: &Permission,
    ) -> Result<(), Failure> {
        let mut trusts = self.may_trust(session);
        loop {
            let hold = |facts: &Facts| trusts && !trust::unknown(facts).is_empty();
            let work = async |world: &World<'_>, run: &Run, screen: &Screen| {
                carry::carry(session, world, run, aim, screen, permission, &hold).await
            };
            let (carried, heard) = self.on_hosts(session, work)?;
            if hold(&carried.converged.facts) {
                self.trust(session, &carried.converged.facts)?;
                trusts = false;
                continue;
            }
            let judged = self.tell(session, aim, &carried.converged, &heard)?;
            aim.sound()?;
            return carried.refused.map_or(judged, Err);
        }
    }

    /// Carries a saved plan out on the machines it was made for.
    pub(crate) fn carry_saved(
        &self,
        session: &Session,
        aim: &Aim<'_>,
        saved: &Saved,
        permission: &Permission,
    ) -> Result<(), Failure> {
        if !carry::permitted(session, &saved.plan, &Report::default(), permission)? {
            return Err(Failure::shown(Kind::Interrupted));
        }
        let (surveys, servers) = (aim.surveys(), aim.servers());
        let judge = |facts: &Facts| objection(saved, facts);
        let work = async |world: &World<'_>, run: &Run, _: &Screen| {
            engine::apply_saved(world, run, saved, &surveys, &servers, &judge).await
        };
        let (settled, heard) = self.on_hosts(session, work)?;
        let settled = settled.map_err(|refusal| refused(&refusal))?;
        let converged = Converged { end: settled.end, facts: settled.facts, report: Report::default() };
        self.tell(session, aim, &converged, &heard)?
    }

    /// Does something on the real hosts, with everybody listening.
    fn on_hosts<T>(
        &self,
        session: &Session,
        work: impl AsyncFnOnce(&World<'_>, &Run, &Screen) -> T,
    ) -> Result<(T, Heard), Failure> {
        let run = self.run(session);
        let journal = Journal::begin(&session.place, &self.cluster.name, &run.holder);
        let (screen, tally) = (self.screen(session).without_first_plan(), Tally::default());
        let mut listeners: Vec<&dyn Events> = vec![&screen, &tally];
        listeners.extend(journal.as_ref().map(|journal| journal as &dyn Events));
        let (listeners, interrupt) = (Listeners(listeners), session.interrupt());
        let real = Real::prepare(session, &self.cluster, self.password.clone())?;
        let world = real.world(&listeners, interrupt);
        let came_to = drive(&real, &screen, work(&world, &run, &screen))?;
        screen.rest();
        screen.outcome()?;
        Ok((came_to, Heard { tally, journal }))
    }

    /// Shows what there is at the end of a run; what that means for the exit code.
    fn tell(
        &self,
        session: &Session,
        aim: &Aim<'_>,
        converged: &Converged,
        heard: &Heard,
    ) -> Result<Result<(), Failure>, Failure> {
        summary::show(session, &self.cluster, converged)?;
        let judged = heard.tally.judge(&converged.end, &converged.facts, &aim.selection);
        if let (Some(journal), Err(_)) = (&heard.journal, &judged) {
            output::to_stderr(&format!("journal: {}\n", journal.path().display()));
        }
        Ok(judged)
    }
}

/// What the judge has against a saved plan as things stand now.
///
/// Where a host has changed since, an earlier try may have carried half of the plan out: what it says of single hosts is
/// then a matter of each step's own condition, and only the graph and the cluster's quorum are judged.
fn objection(saved: &Saved, facts: &Facts) -> Option<String> {
    let objections = if saved.drifted(facts).is_empty() {
        plan::check(&saved.plan, facts)
    } else {
        let kube = KubeFacts { nodes: facts.kube.nodes.clone(), ..KubeFacts::default() };
        plan::check(&saved.plan, &Facts { kube, ..Facts::default() })
    };
    objections.into_iter().next().map(|objection| objection.text)
}

/// Why a saved plan was not begun.
fn refused(refusal: &Refusal) -> Failure {
    let kind = match refusal {
        Refusal::Dark { fault, .. } => Kind::of_cause(fault.cause),
        Refusal::Version { .. } | Refusal::Damaged => Kind::ClusterFile,
        Refusal::Judged { .. } | Refusal::Machine { .. } | Refusal::Owner { .. } => Kind::Refused,
    };
    let cure = refusal.cure();
    Failure::new(kind, refusal.to_string()).hint(cure)
}
