//! Virtual time, and the one-threaded executor that moves it.
//!
//! Owns: timers and the rule that time passes only when nobody can go on. Must not: know what the world does with
//! its time, or read any real clock.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    future::Future,
    pin::{Pin, pin},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use futures::future::{FutureExt, LocalBoxFuture};
use model::port::Clock;

/// Seconds since 1970 at which every rehearsal begins unless told otherwise: 2026-01-01, 00:00:00 UTC.
pub const EPOCH: u64 = 1_767_225_600;

/// How long a world may go on by itself while its operator waits for nothing that has a time, before the wait is
/// called endless.
const ENDLESS: Duration = Duration::from_hours(24);

/// A clock that stands still unless [`run`] moves it. Clones show the same time.
#[derive(Clone, Debug)]
pub struct VirtualClock(Rc<RefCell<Hands>>);

#[derive(Debug)]
struct Hands {
    now: Duration,
    epoch: u64,
    timers: BTreeMap<(Duration, u64), Waker>,
    next: u64,
}

impl VirtualClock {
    /// A clock that shows `now`; `epoch` is what stands for seconds since 1970 at its zero.
    pub fn new(now: Duration, epoch: u64) -> Self {
        Self(Rc::new(RefCell::new(Hands { now, epoch, timers: BTreeMap::new(), next: 0 })))
    }

    fn next_timer(&self) -> Option<Duration> {
        self.0.borrow().timers.keys().next().map(|(at, _)| *at)
    }

    fn set(&self, now: Duration) {
        let due = {
            let mut hands = self.0.borrow_mut();
            hands.now = hands.now.max(now);
            let later = hands.timers.split_off(&(now, u64::MAX));
            std::mem::replace(&mut hands.timers, later)
        };
        due.into_values().for_each(Waker::wake);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Duration {
        self.0.borrow().now
    }

    fn epoch(&self) -> u64 {
        let hands = self.0.borrow();
        hands.epoch + hands.now.as_secs()
    }

    fn sleep<'a>(&'a self, span: Duration) -> LocalBoxFuture<'a, ()> {
        Sleep { clock: self.clone(), until: self.now() + span, key: None }.boxed_local()
    }
}

/// A wait on a [`VirtualClock`].
struct Sleep {
    clock: VirtualClock,
    until: Duration,
    key: Option<(Duration, u64)>,
}

impl Sleep {
    fn forget(&mut self) {
        if let Some(key) = self.key.take() {
            self.clock.0.borrow_mut().timers.remove(&key);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.forget();
        if self.clock.now() >= self.until {
            return Poll::Ready(());
        }
        let key = {
            let mut hands = self.clock.0.borrow_mut();
            hands.next += 1;
            let key = (self.until, hands.next);
            hands.timers.insert(key, context.waker().clone());
            key
        };
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.forget();
    }
}

/// What goes on beside the future that is run: a world with its own appointments.
pub trait Surroundings {
    /// The time of its next appointment.
    fn next(&self) -> Option<Duration>;
    /// Does everything that is due at or before `now`; may wake whoever waits for it.
    fn advance(&self, now: Duration);
    /// Whether the process that the future stands for has died.
    fn killed(&self) -> bool;
}

/// How a run ended.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ran<T> {
    /// The future ended by itself.
    Done(T),
    /// The process that it stood for died; the future was dropped where it stood.
    Died,
    /// It waits for something that never comes.
    Stuck {
        /// When that became clear.
        at: Duration,
        /// What was seen.
        why: String,
    },
}

impl<T> Ran<T> {
    /// The result, when the future ended by itself.
    pub fn done(self) -> Option<T> {
        match self {
            Self::Done(value) => Some(value),
            Self::Died | Self::Stuck { .. } => None,
        }
    }
}

#[derive(Debug)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs a future to its end. Whenever it cannot go on, time moves to the next timer or appointment.
pub fn run<F: Future>(clock: &VirtualClock, around: &dyn Surroundings, future: F) -> Ran<F::Output> {
    let woken = Arc::new(Woken(AtomicBool::new(true)));
    let waker = Waker::from(woken.clone());
    let mut future = pin!(future);
    let mut idle_since = clock.now();
    // What is due already comes before what the future does first.
    around.advance(idle_since);
    loop {
        if around.killed() {
            return Ran::Died;
        }
        if woken.0.swap(false, Ordering::Relaxed) {
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Ran::Done(value);
            }
            idle_since = clock.now();
            continue;
        }
        let timer = clock.next_timer();
        let Some(next) = timer.into_iter().chain(around.next()).min() else {
            return stuck(clock, "nothing that is waited for can still happen");
        };
        if timer.is_none() && next.saturating_sub(idle_since) > ENDLESS {
            return stuck(clock, "the world went on for a day without anything that is waited for");
        }
        around.advance(next);
        clock.set(next);
    }
}

fn stuck<T>(clock: &VirtualClock, why: &str) -> Ran<T> {
    Ran::Stuck { at: clock.now(), why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;
    impl Surroundings for Nothing {
        fn next(&self) -> Option<Duration> {
            None
        }
        fn advance(&self, _now: Duration) {}
        fn killed(&self) -> bool {
            false
        }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_hour_of_sleep_takes_no_time_and_shows_on_the_clock() {
        let clock = VirtualClock::new(Duration::ZERO, EPOCH);
        assert_eq!(run(&clock, &Nothing, clock.sleep(3600 * SECOND)), Ran::Done(()));
        assert_eq!((clock.now(), clock.epoch()), (3600 * SECOND, EPOCH + 3600));
    }

    #[test]
    fn sleepers_wake_in_the_order_of_their_times() {
        let clock = VirtualClock::new(Duration::ZERO, EPOCH);
        let order = RefCell::new(Vec::new());
        let nap = |seconds: u32| {
            let (clock, order) = (&clock, &order);
            async move {
                clock.sleep(seconds * SECOND).await;
                order.borrow_mut().push(seconds);
            }
        };
        let all = futures::future::join_all([nap(3), nap(1), nap(2)]);
        assert!(run(&clock, &Nothing, all).done().is_some());
        assert_eq!(*order.borrow(), [1, 2, 3]);
    }

    #[test]
    fn waiting_for_nothing_is_reported_instead_of_hanging() {
        let clock = VirtualClock::new(Duration::ZERO, EPOCH);
        let ran = run(&clock, &Nothing, std::future::pending::<()>());
        assert!(matches!(ran, Ran::Stuck { .. }), "{ran:?}");
    }

    #[test]
    fn a_dropped_sleep_leaves_no_timer_behind() {
        let clock = VirtualClock::new(Duration::ZERO, EPOCH);
        let both = futures::future::select(clock.sleep(SECOND), clock.sleep(100 * SECOND));
        assert!(run(&clock, &Nothing, both.map(|_| ())).done().is_some());
        assert_eq!(clock.next_timer(), None);
    }
}
