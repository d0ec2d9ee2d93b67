//! One operator's process in a simulated world: the ports.
//!
//! Owns: the operator's side of every conversation (connections, waiting, what is heard). Must not: know what is
//! asked of the world.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    rc::Rc,
    task::Poll,
    time::Duration,
};

use futures::future::{FutureExt, LocalBoxFuture};
use model::{
    NodeName, SecretRef,
    digest::Sha256,
    event::{Event, What},
    fault::HostFault,
    op::KubeOp,
    port::{Access, Artifacts, Clock, Events, Exec, Halt, Hosts, Kube, Secrets},
    reply::{Failure, FailureKind, KubeReply, Said},
    secret::Secret,
};

use crate::{
    clock::{self, Ran, Surroundings, VirtualClock},
    world::{Inbox, Operator, Shared, World},
};

/// One operator's process in a world. It implements every port of [`model::port`] but `Events`.
///
/// Several may live in one world: one after another, or at once by [`Sim::beside`]. Dropping a future that runs in it
/// is that process dying.
pub struct Sim {
    world: Shared,
    clock: VirtualClock,
    operator: Operator,
    told: Cell<usize>,
    ears: RefCell<Option<Rc<dyn Events>>>,
    stop: Cell<bool>,
}

impl Sim {
    /// A process that starts now.
    pub fn new(world: &Shared) -> Self {
        let mut state = world.borrow_mut();
        state.operators += 1;
        Self {
            world: world.clone(),
            clock: VirtualClock::new(state.now, state.epoch),
            operator: Operator { number: state.operators, has_password: false },
            told: Cell::new(state.story.len()),
            ears: RefCell::new(None),
            stop: Cell::new(false),
        }
    }

    /// Another process that starts now and runs along with this one, driven by this one's [`Sim::run`].
    #[must_use]
    pub fn beside(&self) -> Self {
        Self { clock: self.clock.clone(), ..Self::new(&self.world) }
    }

    /// The same, with a password for sudo at hand.
    #[must_use]
    pub fn with_sudo_password(mut self) -> Self {
        self.operator.has_password = true;
        self
    }

    /// Where faults are told, as [`What::Fault`].
    pub fn tell_faults(&self, events: Rc<dyn Events>) {
        *self.ears.borrow_mut() = Some(events);
    }

    /// The world it lives in.
    pub fn world_ref(&self) -> &Shared {
        &self.world
    }

    /// Its clock; the world's time.
    pub fn clock(&self) -> &VirtualClock {
        &self.clock
    }

    /// Asks the process to stop, as Ctrl-C does.
    pub fn stop(&self) {
        self.stop.set(true);
    }

    /// Runs a future of this process; time passes only when it waits.
    pub fn run<F: Future>(&self, future: F) -> Ran<F::Output> {
        clock::run(&self.clock, self, future)
    }

    /// Events on their way to `inner`, looked through for secrets.
    pub fn watch<'a>(&self, inner: &'a dyn Events) -> Watch<'a> {
        Watch { world: self.world.clone(), inner }
    }

    async fn connect(&self, host: &NodeName, fresh: bool) -> Result<(), HostFault> {
        if !fresh && self.world.borrow().has_session(host, self.operator) {
            return Ok(());
        }
        let (span, result) = self.world.borrow_mut().login(host);
        self.clock.sleep(span).await;
        result?;
        // The machine may have gone away or changed meanwhile.
        let (_, result) = self.world.borrow_mut().login(host);
        result?;
        if !fresh {
            self.world.borrow_mut().open_session(host, self.operator);
        }
        Ok(())
    }
}

impl Surroundings for Sim {
    fn next(&self) -> Option<Duration> {
        self.world.borrow().next()
    }

    fn advance(&self, now: Duration) {
        self.world.borrow_mut().advance(now);
        let ears = self.ears.borrow().clone();
        let story = self.world.borrow().story[self.told.get()..].to_vec();
        self.told.set(self.told.get() + story.len());
        for (at, text) in story {
            if let Some(ears) = &ears {
                ears.tell(Event { at, what: What::Fault { text } });
            }
        }
    }

    fn killed(&self) -> bool {
        self.world.borrow().dead_operators.contains(&self.operator.number)
    }
}

impl Hosts for Sim {
    fn exec<'a>(
        &'a self,
        host: &'a NodeName,
        exec: Exec,
        heard: &'a mut dyn FnMut(Said),
    ) -> LocalBoxFuture<'a, Result<(), HostFault>> {
        async move {
            self.connect(host, false).await?;
            self.world.borrow().becomes_root(host, self.operator)?;
            let inbox = self.world.borrow_mut().submit(host, self.operator.number, exec);
            listen(&inbox, heard).await
        }
        .boxed_local()
    }
}

/// Hears a script to its end.
fn listen<'a>(
    inbox: &'a RefCell<Inbox>,
    heard: &'a mut dyn FnMut(Said),
) -> impl Future<Output = Result<(), HostFault>> + 'a {
    std::future::poll_fn(move |context| {
        loop {
            let said = inbox.borrow_mut().said.pop_front();
            match said {
                Some(said) => heard(said),
                None => break,
            }
        }
        let mut inbox = inbox.borrow_mut();
        if let Some(end) = inbox.end.take() {
            return Poll::Ready(end);
        }
        inbox.waker = Some(context.waker().clone());
        Poll::Pending
    })
}

impl Access for Sim {
    fn prove<'a>(&'a self, host: &'a NodeName) -> LocalBoxFuture<'a, Result<(), HostFault>> {
        self.connect(host, true).boxed_local()
    }
}

impl Kube for Sim {
    fn ask<'a>(
        &'a self,
        servers: &'a [NodeName],
        op: &'a KubeOp,
    ) -> LocalBoxFuture<'a, Result<KubeReply, Failure>> {
        let millis = match op {
            KubeOp::Observe => 60,
            KubeOp::SetNode { .. } => 90,
            KubeOp::DeleteNode { .. } => 400,
            KubeOp::RemoveMember { .. } => 1_800,
        };
        async move {
            self.clock.sleep(Duration::from_millis(millis)).await;
            self.world.borrow_mut().kube(self.operator, servers, op)
        }
        .boxed_local()
    }
}

impl Artifacts for Sim {
    fn read<'a>(
        &'a self,
        sha256: &'a Sha256,
        url: &'a str,
        offset: u64,
        limit: usize,
    ) -> LocalBoxFuture<'a, Result<(Vec<u8>, u64), Failure>> {
        async move {
            self.clock.sleep(Duration::from_millis(5)).await;
            let world = self.world.borrow();
            let Some(bytes) = world.shelf.bytes(sha256) else {
                return Err(Failure::new(FailureKind::Download, format!("{url}: 404 Not Found")));
            };
            let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
            let to = from.saturating_add(limit).min(bytes.len());
            Ok((bytes[from..to].to_vec(), bytes.len() as u64))
        }
        .boxed_local()
    }
}

/// Stand-ins: the operator's real secrets never enter a rehearsal.
impl Secrets for Sim {
    fn look(&self, reference: &SecretRef) -> Result<Secret, String> {
        let digest = Sha256::of(format!("stand-in for {reference}").as_bytes());
        let value = format!("stand-in-{}", digest.short());
        self.world.borrow_mut().learn(value.as_bytes());
        Ok(Secret::new(value.into_bytes()))
    }
}

impl Clock for Sim {
    fn now(&self) -> Duration {
        self.clock.now()
    }
    fn epoch(&self) -> u64 {
        self.clock.epoch()
    }
    fn sleep<'a>(&'a self, span: Duration) -> LocalBoxFuture<'a, ()> {
        self.clock.sleep(span)
    }
}

impl Halt for Sim {
    fn asked(&self) -> bool {
        self.stop.get()
    }
}

/// Events on their way to somewhere else, looked through for secrets; a find is a violation.
pub struct Watch<'a> {
    world: Shared,
    inner: &'a dyn Events,
}

impl Events for Watch<'_> {
    fn tell(&self, event: Event) {
        self.world.borrow_mut().watch_event(&event);
        self.inner.tell(event);
    }
}

impl World {
    /// Looks through text that leaves the process (a transcript, a plan, a journal) for secrets; a find is a
    /// violation that names `place`.
    pub fn watch_text(&mut self, place: &str, text: &str) {
        if self.shows_secret(text) {
            self.violate(format!("a secret is seen in {place}"));
        }
    }
}
