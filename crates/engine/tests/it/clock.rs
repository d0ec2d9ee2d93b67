//! Time that passes only when everything waits for it.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::{Future, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

/// A clock and whoever waits for it.
#[derive(Default)]
pub(crate) struct VirtualClock {
    now: Cell<Duration>,
    count: Cell<u64>,
    timers: RefCell<BTreeMap<(Duration, u64), Waker>>,
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl VirtualClock {
    pub(crate) fn now(&self) -> Duration {
        self.now.get()
    }

    pub(crate) async fn sleep(&self, span: Duration) {
        let until = self.now.get() + span;
        poll_fn(|context| {
            if self.now.get() >= until {
                return Poll::Ready(());
            }
            self.count.set(self.count.get() + 1);
            self.timers.borrow_mut().insert((until, self.count.get()), context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Runs a future to its end, or drops it after so many polls.
    pub(crate) fn run<T>(&self, future: impl Future<Output = T>, polls: usize) -> Option<T> {
        let mut future = pin!(future);
        let flag = Arc::new(Flag(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&flag));
        for _ in 0..polls {
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Some(value);
            }
            while !flag.0.swap(false, Ordering::SeqCst) {
                let first = self.timers.borrow_mut().pop_first();
                let ((at, _), waiting) = first.expect("something is waited for");
                self.now.set(self.now.get().max(at));
                waiting.wake();
            }
        }
        None
    }
}
