//! Stories in the rehearsal world: the real planner and the real engine, from cluster file to converged cluster.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod bytes;
mod crash;
mod faults;
mod founding;
mod guard;
mod leaving;
mod life;
mod stage;
mod stories;
