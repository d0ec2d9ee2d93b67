//! What several crates' tests share.
//!
//! Owns: cases and builders, as data. Must not: reach out of memory, or be seen by product code.

pub mod conformance;
