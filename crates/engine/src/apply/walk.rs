//! The walk over a plan's graph: starts what can go, hears what came of it, until nothing is left.
//!
//! Owns: the running tasks, one exec at a time a host, and stopping. Must not: speak with the world itself; tasks do.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    future::poll_fn,
    task::{Context, Poll},
    time::Duration,
};

use futures::{StreamExt, future::LocalBoxFuture, stream::FuturesUnordered};
use model::{
    NodeName,
    event::{Outcome, What},
    fault::HostFault,
    plan::Plan,
    reply::{Failure, FailureKind, KubeReply, StepReply},
};

use super::{
    Applied,
    board::{Board, State},
    lock::Locks,
    news::{Inbox, News},
    watch::{Verdict, Watch},
};
use crate::{Run, World, world::whole};

/// A plan being carried out.
pub(super) struct Walk<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) plan: &'a Plan,
    pub(super) inbox: &'a Inbox<'a>,
    pub(super) tasks: FuturesUnordered<LocalBoxFuture<'a, News<'a>>>,
    /// Tasks that must be awaited even when stopping.
    pub(super) running: usize,
    pub(super) board: Board<'a>,
    pub(super) locks: Locks<'a>,
    pub(super) watch: Watch<'a>,
    /// Hosts that work through an exec, and the steps it carries.
    pub(super) busy: BTreeMap<&'a NodeName, Vec<usize>>,
    /// Steps that wait for a host's revert to be gone, while the host is busy.
    pub(super) reverts: BTreeMap<&'a NodeName, VecDeque<usize>>,
    dark: BTreeSet<&'a NodeName>,
    pub(super) stopping: bool,
    /// The step that found the cluster locked by another run.
    pub(super) locked: Option<usize>,
}

impl<'a> Walk<'a> {
    /// A walk that has not begun.
    pub(super) fn new(world: &'a World<'a>, run: &'a Run, plan: &'a Plan, inbox: &'a Inbox<'a>) -> Self {
        let board = Board::new(world, plan);
        Self {
            world,
            plan,
            inbox,
            tasks: FuturesUnordered::new(),
            running: 0,
            locks: Locks::new(run, plan, &board.graph),
            watch: Watch::new(world),
            busy: BTreeMap::new(),
            reverts: BTreeMap::new(),
            dark: BTreeSet::new(),
            stopping: false,
            locked: None,
            board,
        }
    }

    /// Walks until every step has its outcome.
    pub(super) async fn walk(mut self) -> Applied {
        self.start();
        while let Some(news) = poll_fn(|context| self.poll(context)).await {
            self.hear(news);
            while let Some(more) = self.inbox.take() {
                self.hear(more);
            }
            self.start();
        }
        if self.stopping {
            self.board.end_all(self.board.idle(), &Outcome::Stopped);
        }
        for place in self.board.idle() {
            let text = "the plan gives no way to begin it; make it again with `coracle plan`";
            self.board.fail(place, Failure::new(FailureKind::Conflict, text));
        }
        Applied { outcomes: self.board.outcomes, changed: self.board.changed, halted: self.stopping }
    }

    /// The next thing that happens; nothing when all is over. What tasks said while they ran comes before their end.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<News<'a>>> {
        loop {
            if let Some(news) = self.inbox.take() {
                return Poll::Ready(Some(news));
            }
            if self.world.halt.asked() {
                self.stop();
            }
            if self.running == 0 && self.watch.is_empty() {
                return Poll::Ready(None);
            }
            match self.tasks.poll_next_unpin(context) {
                Poll::Ready(Some(news)) => self.inbox.put(news),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => match self.inbox.take() {
                    Some(news) => return Poll::Ready(Some(news)),
                    None => return Poll::Pending,
                },
            }
        }
    }

    fn hear(&mut self, news: News<'a>) {
        match news {
            News::Began(place) => self.board.begin(place),
            News::Answered(place, reply) => self.board.answer(place, *reply),
            News::Lock(host, Ok(())) => {
                if self.locks.took(host, self.world.clock.now()) {
                    self.stir_all();
                }
            }
            News::Lock(host, Err(failure)) => self.lock_refused(host, failure),
            News::Stage(host, ended) => self.stage_over(host, ended),
            News::Kube(place, answer) => {
                self.running -= 1;
                match answer {
                    Ok(KubeReply::Changed) => self.board.answer(place, StepReply::Changed),
                    Ok(_) => self.board.answer(place, StepReply::Unchanged),
                    Err(failure) => self.board.fail(place, failure),
                }
            }
            News::Looked(look, reply) => self.looked(look, reply),
            News::Seen(place, seen, left) => self.waiting(place, seen, left),
            News::Guard(place, host, seen) => {
                self.running -= 1;
                self.free(host);
                match seen {
                    Some(Ok(())) => self.board.answer(place, StepReply::Unchanged),
                    Some(Err(failure)) => self.board.fail(place, failure),
                    None => self.board.end(place, Outcome::Stopped),
                }
            }
            News::Proved(place, proved) => {
                self.running -= 1;
                match proved {
                    Ok(()) => self.board.answer(place, StepReply::Unchanged),
                    Err(fault) => {
                        let text = format!("a fresh login fails: {fault}");
                        self.board.fail(place, Failure::new(FailureKind::Access, text));
                    }
                }
            }
        }
    }

    fn waiting(&mut self, place: usize, seen: String, left: Duration) {
        let (step, seen) = (self.plan.steps[place].id.clone(), self.board.hush.text(seen));
        self.world.tell(What::Waiting { step, seen, left: whole(left) });
    }

    fn looked(&mut self, look: u64, reply: Option<Result<KubeReply, Failure>>) {
        let Some(verdicts) = self.watch.judge(look, reply) else { return };
        for (place, verdict) in verdicts {
            match verdict {
                Verdict::So => self.board.answer(place, StepReply::Unchanged),
                Verdict::NotYet(seen, left) => self.waiting(place, seen, left),
                Verdict::Late(failure) => self.board.fail(place, failure),
            }
        }
        if !self.watch.is_empty() {
            self.look(false);
        }
    }

    pub(super) fn look(&mut self, at_once: bool) {
        let servers = self.servers();
        self.tasks.push(self.watch.look(&servers, at_once));
    }

    /// The plan's servers, without those known not to answer while there are others.
    pub(super) fn servers(&self) -> Vec<NodeName> {
        let lit = self.plan.servers.iter().filter(|server| !self.dark.contains(server));
        let lit: Vec<_> = lit.cloned().collect();
        if lit.is_empty() { self.plan.servers.clone() } else { lit }
    }

    fn stage_over(&mut self, host: &'a NodeName, ended: Result<(), HostFault>) {
        self.running -= 1;
        let batch = self.free(host);
        match ended {
            // Behind a step that failed, the host began nothing: what does not need it goes again.
            Ok(()) => batch.into_iter().for_each(|place| self.board.unsend(place)),
            Err(fault) => {
                self.dark.insert(host);
                self.board.darken(host, &fault);
                self.give_up(host);
            }
        }
        if let Some(first) = self.locked {
            self.refuse_idle(first);
        }
        if self.stopping {
            self.stop_idle();
        }
    }

    fn free(&mut self, host: &'a NodeName) -> Vec<usize> {
        self.board.stirred.insert(host);
        self.busy.remove(host).unwrap_or_default()
    }

    fn stir_all(&mut self) {
        self.board.stirred.extend(self.board.graph.execs.keys());
    }

    fn give_up(&mut self, host: &'a NodeName) {
        if self.locks.give_up(host) {
            self.stir_all();
        }
    }

    /// Without its lock a host is not changed. When another run holds it, nothing more is changed anywhere.
    fn lock_refused(&mut self, host: &'a NodeName, failure: Failure) {
        self.give_up(host);
        let places = self.board.graph.execs.get(host).cloned().unwrap_or_default();
        let open = |place: &usize| !matches!(self.board.state(*place), State::Done { .. });
        let sent = self.busy.get(host).into_iter().flatten().copied().find(open);
        let first = sent.or_else(|| places.iter().copied().find(open));
        let everywhere = failure.kind == FailureKind::Locked;
        let anywhere = || everywhere.then(|| self.board.idle().first().copied()).flatten();
        let Some(first) = first.or_else(anywhere) else { return };
        self.board.fail(first, failure);
        let by = self.plan.steps[first].id.clone();
        self.board.end_all(places, &Outcome::Blocked { by: by.clone() });
        if everywhere {
            self.locked = Some(first);
            let waiting = self.watch.clear();
            self.board.end_all(waiting, &Outcome::Blocked { by });
            self.refuse_idle(first);
        }
    }

    fn refuse_idle(&mut self, first: usize) {
        let by = self.plan.steps[first].id.clone();
        self.board.end_all(self.board.idle(), &Outcome::Blocked { by });
    }

    /// The operator wants to stop: nothing new begins, and nothing is waited for. Only guards that are armed are seen to
    /// their end, so that a stop takes nothing back.
    pub(super) fn stop(&mut self) {
        if self.stopping {
            return;
        }
        self.stopping = true;
        self.world.tell(What::Stopping);
        let waiting = self.watch.clear();
        self.board.end_all(waiting, &Outcome::Stopped);
        self.stop_idle();
    }

    fn stop_idle(&mut self) {
        let mut idle = self.board.idle();
        idle.retain(|place| !self.board.ends_guard(*place));
        self.board.end_all(idle, &Outcome::Stopped);
    }
}
