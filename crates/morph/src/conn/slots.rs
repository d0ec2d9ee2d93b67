//! Deadlines of connections, kept by one sweep instead of a timer for each wait.
//!
//! Owns: who is idle, who is late. Must not: know what a connection does in between.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use tokio::task::AbortHandle;

/// What a connection tells the sweep.
#[derive(Debug, Default)]
pub struct Slot {
    /// Milliseconds of the server's life after which the connection is given up.
    deadline: AtomicU64,
    /// Since when it waits for a request; zero while one is under way.
    idle_since: AtomicU64,
}

impl Slot {
    /// Something is under way and must move before `deadline`.
    pub fn busy_until(&self, deadline: u64) {
        self.idle_since.store(0, Relaxed);
        self.deadline.store(deadline, Relaxed);
    }

    /// Nothing is under way since `now`.
    pub fn idle_until(&self, now: u64, deadline: u64) {
        self.idle_since.store(now.max(1), Relaxed);
        self.deadline.store(deadline, Relaxed);
    }
}

/// All connections of a worker.
#[derive(Debug, Default)]
pub struct Slots {
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    tasks: HashMap<u64, (Arc<Slot>, AbortHandle)>,
}

impl Slots {
    fn open(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a connection; its number takes it out again.
    pub fn enter(&self, slot: Arc<Slot>, start: impl FnOnce(u64) -> AbortHandle) {
        let mut open = self.open();
        open.next += 1;
        let number = open.next;
        // The task cannot end before it is entered: it runs on this thread, after this returns.
        let task = start(number);
        open.tasks.insert(number, (slot, task));
    }

    /// Takes a connection out.
    pub fn leave(&self, number: u64) {
        self.open().tasks.remove(&number);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.open().tasks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives up those that are late and, with `idle`, those that wait for a request for that many milliseconds; says
    /// how many.
    pub fn sweep(&self, now: u64, idle: Option<u64>) -> u64 {
        let is_late = |slot: &Slot| slot.deadline.load(Relaxed) <= now;
        let is_idle = |slot: &Slot| {
            let since = slot.idle_since.load(Relaxed);
            since > 0 && idle.is_some_and(|least| now.saturating_sub(since) >= least)
        };
        let mut given_up = 0;
        for (slot, task) in self.open().tasks.values() {
            if is_late(slot) || is_idle(slot) {
                task.abort();
                given_up += 1;
            }
        }
        given_up
    }
}
