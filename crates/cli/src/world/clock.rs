//! Real time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures::future::LocalBoxFuture;
use model::port::Clock;

/// Time since this was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RealClock(Instant);

impl RealClock {
    /// Begins to count.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }
}

/// Seconds since 1970; 0 on a machine whose clock stands before that.
pub(crate) fn epoch() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |span| span.as_secs())
}

impl Clock for RealClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn epoch(&self) -> u64 {
        epoch()
    }

    fn sleep<'a>(&'a self, span: Duration) -> LocalBoxFuture<'a, ()> {
        Box::pin(tokio::time::sleep(span))
    }
}
