//! What the verbs that reach real hosts have in common: one look, or one run (`carry`).
//!
//! Owns: the runtime, and what is shown while it works. Must not: decide what is done.

mod carry;

use std::{
    hash::{BuildHasher as _, RandomState},
    path::Path,
    time::Duration,
};

use engine::{Run, Sight};
use model::{
    NodeName,
    facts::Facts,
    lock::Lock,
    port::{Clock as _, Halt as _},
    secret::Secret,
};
use plan::{Seed, Wish};
use spec::cluster::Cluster;

use super::Session;
use crate::{
    failure::{Failure, Kind},
    run::{
        aim::{Aim, Goal},
        journal::Journal,
    },
    ui::{ask, screen::Screen},
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

/// The event loop of everything real: one thread.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Kind::Bug, format!("the system gives no event loop: {error}")))
}
