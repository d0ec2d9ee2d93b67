//! One run against any world, real or rehearsed.
//!
//! Owns: what listens to a run, and what its end means. Must not: know which world it is.

pub(crate) mod aim;
pub(crate) mod carry;
pub(crate) mod journal;
pub(crate) mod tally;

use model::{event::Event, port::Events};

/// Hands every event to several listeners.
pub(crate) struct Listeners<'a>(pub(crate) Vec<&'a dyn Events>);

impl Events for Listeners<'_> {
    fn tell(&self, event: Event) {
        self.0.iter().for_each(|listener| listener.tell(event.clone()));
    }
}
