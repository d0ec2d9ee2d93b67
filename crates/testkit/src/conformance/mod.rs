//! One list of operations in situations, with the reply each must get, for everything that claims to be a host: the
//! scripts under each shell, and the simulator.
//!
//! Owns: the cases and how one is judged. Must not: know how a subject does it. What holds after a step is seen
//! through `Observe` alone, so a subject is judged by its own observations too.

mod case;
mod cases;
mod judge;

pub use case::{Case, Expect, Given, Step, Then, World};
pub use cases::{OPERATIONS, cases};
pub use judge::{Subject, judge};
