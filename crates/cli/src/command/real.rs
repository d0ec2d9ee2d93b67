//! What the verbs that reach real hosts have in common: one look, or one run.
//!
//! Owns: the runtime, and what is shown while it works. Must not: decide what is done.

use std::{
    hash::{BuildHasher as _, RandomState},
    path::Path,
    time::Duration,
};

use engine::{Converged, Refusal, Run, Saved, Sight};
use model::{
    NodeName,
    facts::{Facts, KubeFacts},
    lock::Lock,
    port::{Clock as _, Events, Halt as _},
    report::Report,
    secret::Secret,
};
use plan::{Seed, Wish};
use spec::cluster::Cluster;

use super::Session;
use crate::{
    failure::{Failure, Kind},
    output,
    run::{
        Listeners,
        aim::{Aim, Goal},
        carry::{self, Carried, Permission},
        journal::Journal,
        tally::Tally,
    },
    ui::{ask, screen::Screen, summary},
    world::{identity, real::Real, trust},
};

/// Seconds of a host's uptime after which other operators may take the cluster lock over.
const LEASE: u32 = 900;

/// A cluster, its lock, and how to become root on its hosts.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) cluster: Cluster,
    lock: Lock,
    password: Option<Secret>,
    /// Whether a person may be asked to trust a key that nobody knows.
    trusts: bool,
}

impl Job {
    /// Reads the cluster file and its lock, and asks for sudo's password where that is wanted.
    pub(crate) fn read(session: &Session) -> Result<Self, Failure> {
        let lock = session.lock()?.unwrap_or_else(super::no_lock);
        Ok(Self { lock, trusts: true, ..Self::once(session, session.cluster()?)? })
    }

    /// A look at a cluster that has no file yet. Keys were asked about before.
    pub(crate) fn once(session: &Session, cluster: Cluster) -> Result<Self, Failure> {
        let ask =
            || ask::password("Password for sudo", session.paint_err()).map_err(|error| no_password(&error));
        let password = session.global.ask_sudo.then(ask).transpose()?;
        Ok(Self { cluster, lock: super::no_lock(), password, trusts: false })
    }

    /// An aim on the selected hosts.
    pub(crate) fn aim(&self, session: &Session, goal: Goal, verify: bool) -> Result<Aim<'_>, Failure> {
        let seed = Seed(RandomState::new().hash_one(std::process::id()));
        let wish = Wish { cluster: &self.cluster, lock: &self.lock, seed, verify, record_integrity: false };
        Ok(Aim::new(wish, session.selection(&self.cluster)?, goal))
    }

    /// Looks at every host, asking about unknown host keys where a person can answer.
    pub(crate) fn look(&self, session: &Session, aim: &Aim<'_>) -> Result<Facts, Failure> {
        Ok(self.sight(session, aim)?.facts)
    }

    /// The same, with the admin kubeconfigs that servers showed.
    pub(crate) fn sight(&self, session: &Session, aim: &Aim<'_>) -> Result<Sight, Failure> {
        let mut asked = false;
        loop {
            let screen = self.screen(session).one_document();
            let real = Real::prepare(session, &self.cluster, self.password.clone())?;
            let interrupt = session.interrupt();
            let world = real.world(&screen, interrupt);
            let (surveys, servers) = (aim.surveys(), aim.servers());
            let sight = drive(&real, &screen, engine::look(&world, &surveys, &servers, None))?;
            screen.rest();
            if interrupt.asked() {
                return Err(Failure::shown(Kind::Interrupted));
            }
            if asked || !self.trust(session, &sight.facts)? {
                return Ok(sight);
            }
            asked = true;
        }
    }

    /// Carries an aim out and shows how it ended.
    pub(crate) fn carry(
        &self,
        session: &Session,
        aim: &Aim<'_>,
        permission: &Permission,
    ) -> Result<(), Failure> {
        let mut asked = !self.may_trust(session);
        loop {
            let (carried, tally) = self.round_trip(session, aim, permission, !asked)?;
            let unknown = !trust::unknown(&carried.converged.facts).is_empty();
            if unknown && !asked {
                asked = true;
                self.trust(session, &carried.converged.facts)?;
                continue;
            }
            aim.sound()?;
            if let Some(refused) = carried.refused {
                return Err(refused);
            }
            return tally.judge(&carried.converged.end, &carried.converged.facts, &aim.selection);
        }
    }

    fn round_trip(
        &self,
        session: &Session,
        aim: &Aim<'_>,
        permission: &Permission,
        trusts: bool,
    ) -> Result<(Carried, Tally), Failure> {
        let run = self.run(session);
        let journal = Journal::begin(&session.place, &self.cluster.name, &run.holder);
        let (screen, tally) = (self.screen(session).without_first_plan(), Tally::default());
        let mut heard: Vec<&dyn Events> = vec![&screen, &tally];
        heard.extend(journal.as_ref().map(|journal| journal as &dyn Events));
        let (listeners, interrupt) = (Listeners(heard), session.interrupt());
        let real = Real::prepare(session, &self.cluster, self.password.clone())?;
        let world = real.world(&listeners, interrupt);
        let hold = |facts: &Facts| trusts && !trust::unknown(facts).is_empty();
        let work = carry::carry(session, &world, &run, aim, &screen, permission, &hold);
        let carried = drive(&real, &screen, work)?;
        screen.rest();
        screen.outcome()?;
        let converged = &carried.converged;
        if hold(&converged.facts) {
            return Ok((carried, tally));
        }
        summary::show(session, &self.cluster, converged)?;
        if let Some(journal) =
            journal.filter(|_| tally.judge(&converged.end, &converged.facts, &aim.selection).is_err())
        {
            output::to_stderr(&format!("journal: {}\n", journal.path().display()));
        }
        Ok((carried, tally))
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
        let run = self.run(session);
        let journal = Journal::begin(&session.place, &self.cluster.name, &run.holder);
        let (screen, tally) = (self.screen(session).without_first_plan(), Tally::default());
        let mut heard: Vec<&dyn Events> = vec![&screen, &tally];
        heard.extend(journal.as_ref().map(|journal| journal as &dyn Events));
        let (listeners, interrupt) = (Listeners(heard), session.interrupt());
        let real = Real::prepare(session, &self.cluster, self.password.clone())?;
        let world = real.world(&listeners, interrupt);
        let (surveys, servers) = (aim.surveys(), aim.servers());
        let judge = |facts: &Facts| objection(saved, facts);
        let work = engine::apply_saved(&world, &run, saved, &surveys, &servers, &judge);
        let settled = drive(&real, &screen, work)?;
        screen.rest();
        screen.outcome()?;
        let settled = settled.map_err(|refusal| refused(&refusal))?;
        let converged = Converged { end: settled.end, facts: settled.facts, report: Report::default() };
        summary::show(session, &self.cluster, &converged)?;
        let judged = tally.judge(&converged.end, &converged.facts, &aim.selection);
        if let (Some(journal), Err(_)) = (journal, &judged) {
            output::to_stderr(&format!("journal: {}\n", journal.path().display()));
        }
        judged
    }

    /// Who this run is.
    pub(crate) fn run(&self, session: &Session) -> Run {
        let holder = identity::holder(&session.place);
        let journals = Journal::dir(&session.place, &self.cluster.name);
        let dead = journals.map(|dir| identity::dead(&dir, &holder)).unwrap_or_default();
        Run { holder, dead, lease: LEASE }
    }

    /// A screen wide enough for the names of this cluster's hosts.
    pub(crate) fn screen(&self, session: &Session) -> Screen {
        let width = self.cluster.nodes.iter().map(|node| node.name.as_str().len()).max().unwrap_or(0);
        Screen::new(&session.global, &session.place, width)
    }

    /// Whether a person is there to be asked about unknown host keys.
    fn may_trust(&self, session: &Session) -> bool {
        self.trusts && session.place.can_ask()
    }

    fn trust(&self, session: &Session, facts: &Facts) -> Result<bool, Failure> {
        let unknown: Vec<NodeName> = trust::unknown(facts);
        if unknown.is_empty() || !self.may_trust(session) {
            return Ok(false);
        }
        runtime()?.block_on(trust::ask(session, &self.cluster, &unknown))
    }
}

/// Runs a future of the real world to its end, and redraws elapsed times meanwhile.
pub(crate) fn drive<T>(real: &Real, screen: &Screen, work: impl Future<Output = T>) -> Result<T, Failure> {
    const FRAME: Duration = Duration::from_millis(125);
    let clock = real.clock();
    Ok(runtime()?.block_on(async {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::time::sleep(FRAME) => screen.tick(clock.now()),
            }
        }
    }))
}

fn no_password(error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::Interrupted => Failure::new(Kind::Interrupted, "nothing was done"),
        _ => Failure::reading(Path::new("standard input"), error),
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

/// The event loop of everything real: one thread.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Kind::Bug, format!("the system gives no event loop: {error}")))
}
