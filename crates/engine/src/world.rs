//! What a run works with: a world behind ports, and who runs it.
//!
//! Owns: bundling the ports, and letting time pass so that a wish to stop is noticed. Must not: know what a run does.

use std::time::Duration;

use model::{
    event::{Event, What},
    op::Holder,
    port::{Access, Artifacts, Clock, Events, Halt, Hosts, Kube, Secrets},
};

/// The longest the engine sleeps without looking whether it shall stop.
const SLICE: Duration = Duration::from_millis(250);

/// A world, real or rehearsed: one adaptor for each port.
///
/// The clock's fixed moment is the beginning of the run, so that events carry the time since then. Whoever makes
/// [`Halt::asked`] become true should poll the run's future once more; otherwise it is noticed at the next answer.
#[derive(Clone, Copy)]
#[expect(missing_docs, reason = "each field is the port of that name")]
pub struct World<'a> {
    pub hosts: &'a dyn Hosts,
    pub access: &'a dyn Access,
    pub kube: &'a dyn Kube,
    pub artifacts: &'a dyn Artifacts,
    pub secrets: &'a dyn Secrets,
    pub clock: &'a dyn Clock,
    pub events: &'a dyn Events,
    pub halt: &'a dyn Halt,
}

/// Who runs, and how long others must respect that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Who takes the cluster lock.
    pub holder: Holder,
    /// Holders whose processes are known to be dead.
    pub dead: Vec<Holder>,
    /// Seconds of a host's uptime after which others may take the lock over.
    pub lease: u32,
}

impl World<'_> {
    /// Tells an event, dated now.
    pub(crate) fn tell(&self, what: What) {
        self.events.tell(Event { at: whole(self.clock.now()), what });
    }

    /// Lets time pass; ends early and answers false when the operator wants to stop.
    pub(crate) async fn pause(&self, span: Duration) -> bool {
        let end = self.clock.now() + span;
        loop {
            if self.halt.asked() {
                return false;
            }
            let left = end.saturating_sub(self.clock.now());
            if left.is_zero() {
                return true;
            }
            self.clock.sleep(left.min(SLICE)).await;
        }
    }

    /// Ends when the operator wants to stop.
    pub(crate) async fn halted(&self) {
        while !self.halt.asked() {
            self.clock.sleep(SLICE).await;
        }
    }
}

/// Whole milliseconds: events need no more.
pub(crate) fn whole(span: Duration) -> Duration {
    Duration::from_millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}
