//! Carries plans out: observes hosts, walks the graph of a plan, and goes round until nothing is left to do.
//!
//! Owns: the order in time of everything a run does, and the events that tell of it. Reaches the world only through
//! the ports of `model`. Must not: decide what should be (`plan`), know how an operation is done (`host`, `sim`),
//! or show anything (`cli`).
//!
//! Everything is one future on one thread and depends on nothing but the answers of the ports, so the same answers
//! give the same run, event by event. A run may be dropped at any point.

pub mod apply;
mod content;
pub mod converge;
mod hush;
pub mod journal;
pub mod observe;
mod patience;
pub mod progress;
pub mod saved;
mod world;

pub use apply::{Applied, apply};
pub use converge::{Consent, Converged, converge};
pub use observe::{Sight, look, observe};
pub use saved::{Refusal, Saved, Settled, apply_saved};
pub use world::{Run, World};
