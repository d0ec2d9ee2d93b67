//! The rehearsal: a simulated world that stands where the real one stands, and runs in no time.
//!
//! Owns: machines, k3s, the network between them, faults, a virtual clock, and a watcher that says what coracle must
//! never do. Same seed, same story. Must not: reach anything real (disk, network, clock, entropy), or know the planner.
//!
//! A [`World`] holds everything that outlives a process; a [`Sim`] is one operator's process in it and implements the
//! ports of [`model::port`]. [`Sim::run`] drives a future in virtual time.

mod artifact;
mod clock;
mod fault;
mod host;
mod k3s;
mod kube;
mod ports;
mod world;

pub use artifact::{artifact_bytes, lock_for};
pub use clock::{EPOCH, Ran, Surroundings, VirtualClock, run};
pub use fault::{Fault, Havoc, VERBS, When};
pub use ports::{Sim, Watch};
pub use world::{Shared, Snapshot, Thing, World};
