//! What the walk can begin now.
//!
//! Owns: putting stages together and starting tasks. Must not: hear what comes of them (`walk`).

use std::{collections::VecDeque, time::Duration};

use model::{
    NodeName,
    plan::{Act, Await},
    port::ExecStep,
};

use super::{
    board::State,
    news::News,
    prove, revert,
    stage::{Aim, Item, Stage},
    walk::Walk,
};
use crate::content::Sources;

/// The window of a guard that the plan does not show.
const USUAL_WINDOW: u32 = 60;

impl<'a> Walk<'a> {
    /// Begins everything that can go; when stopping, that is what ends armed guards.
    pub(super) fn start(&mut self) {
        if self.world.halt.asked() {
            self.stop();
        }
        while self.locked.is_none() {
            if let Some(place) = self.board.ready.pop_front() {
                self.start_beside(place);
            } else if let Some(host) = self.board.stirred.pop_first() {
                self.start_host(host);
            } else {
                break;
            }
        }
        let alone =
            self.locks.leader().filter(|leader| self.locks.held_back && !self.busy.contains_key(leader));
        if let Some(leader) = alone.filter(|_| !self.stopping && self.locked.is_none()) {
            self.send(leader, &[], vec![Item { aim: Aim::Lock, step: self.locks.taking(leader) }]);
        }
    }

    /// Starts a step that is no operation on a host.
    fn start_beside(&mut self, place: usize) {
        if self.board.state(place) != State::Idle {
            return;
        }
        let (plan, world) = (self.plan, self.world);
        let step = &plan.steps[place];
        if let Act::Wait { until: Await::NoGuard(host), .. } = &step.act {
            self.reverts.entry(host).or_default().push_back(place);
            self.board.stirred.insert(host);
            return;
        }
        self.board.send(place);
        self.board.begin(place);
        match &step.act {
            Act::Host(_) => {}
            Act::Kube(op) => {
                self.running += 1;
                let servers = self.servers();
                self.tasks
                    .push(Box::pin(async move { News::Kube(place, world.kube.ask(&servers, op).await) }));
            }
            Act::Wait { until, limit } => {
                self.watch.join(place, until, *limit);
                self.look(true);
            }
            Act::Prove => {
                self.running += 1;
                let window = self.board.graph.guard_window(place).unwrap_or(USUAL_WINDOW);
                let window = Duration::from_secs(u64::from(window));
                self.tasks.push(Box::pin(prove::prove(world, place, &step.host, window)));
            }
        }
    }

    /// Starts the next stage of a host that is free, or its wait for a revert.
    fn start_host(&mut self, host: &'a NodeName) {
        if self.busy.contains_key(host) {
            return;
        }
        let waits = self.reverts.get_mut(host).and_then(VecDeque::pop_front);
        if let Some(place) = waits.filter(|place| self.board.state(*place) == State::Idle) {
            let Act::Wait { limit, .. } = self.plan.steps[place].act else { return };
            self.board.send(place);
            self.board.begin(place);
            self.busy.insert(host, Vec::new());
            self.running += 1;
            self.tasks.push(Box::pin(revert::wait(self.world, self.inbox, place, host, limit)));
            return;
        }
        let batch = self.board.batch(host);
        let changes = |place: &usize| self.board.graph.op(*place).is_some_and(|op| !op.only_reads());
        let first_change = batch.iter().position(changes);
        if batch.is_empty() || (first_change.is_some() && !self.locks.may(host)) {
            return;
        }
        // A step whose content cannot be had fails here and takes others with it: then the batch is another one.
        let Some(mut items) = self.load(&batch) else {
            self.board.stirred.insert(host);
            return;
        };
        if let Some(at) = first_change.filter(|_| self.locks.needs(host, self.world.clock.now())) {
            items.insert(at, Item { aim: Aim::Lock, step: self.locks.taking(host) });
        }
        self.send(host, &batch, items);
    }

    fn send(&mut self, host: &'a NodeName, batch: &[usize], left: Vec<Item>) {
        for place in batch {
            self.board.send(*place);
        }
        self.busy.insert(host, batch.to_vec());
        self.running += 1;
        let stage = Stage::new(self.world, self.inbox, host, left);
        self.tasks.push(Box::pin(stage.run()));
    }

    /// The steps with their bytes; nothing when one of them had to fail.
    fn load(&mut self, batch: &[usize]) -> Option<Vec<Item>> {
        let mut items = Vec::new();
        for place in batch {
            let step = &self.plan.steps[*place];
            let op = self.board.graph.op(*place)?;
            let secrets = &self.board.secrets;
            let replies = |id: &_| secrets.get(id).cloned();
            match Sources::new(self.world, &replies, &mut self.board.hush).load(op) {
                Ok(loaded) => {
                    let own = step.own.then(|| op.places()).flatten();
                    let (id, was) = (step.id.clone(), step.was.clone());
                    let step = ExecStep { id, op: loaded.op, was, own, bodies: loaded.bodies };
                    items.push(Item { aim: Aim::Step(*place), step });
                }
                Err(failure) => {
                    self.board.fail(*place, failure);
                    return None;
                }
            }
        }
        Some(items)
    }
}
