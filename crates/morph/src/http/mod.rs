//! What HTTP means, without a socket or a file: targets, conditions, ranges, negotiation, types, answers.
//!
//! Owns: the readings of RFC 9110 that a static server needs. Must not: touch the disk, the network or the clock.

pub mod accept;
pub mod condition;
pub mod fields;
pub mod head;
pub mod mime;
pub mod range;
pub mod reply;
pub mod target;
