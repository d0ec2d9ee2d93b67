//! The cluster file: text in, validated [`Cluster`](cluster::Cluster)s and every diagnostic out.
//!
//! Owns: syntax, names, defaults, and all rules that a file can be judged by alone. Must not: read files, the
//! environment or the clock; the caller hands in text and variables.

mod check;
pub mod cluster;
pub mod diagnostic;
pub mod k3s;
mod lower;
pub mod name;
mod parse;
mod raw;
mod schema;
mod yaml;

pub use diagnostic::render;
pub use parse::{Parsed, decode, parse};
pub use schema::schema;
