//! The vocabulary that every other crate shares: facts, operations, plans, events, ports. Data only.
//!
//! Owns: types, their invariants, and pure questions about one value. Must not: decide what should be done (`plan`),
//! do it (`engine`, adaptors), or show it (`cli`).

pub mod condition;
pub mod digest;
pub mod event;
pub mod facts;
pub mod fault;
pub mod lock;
pub mod op;
pub mod plan;
pub mod port;
pub mod reply;
pub mod report;
pub mod resource;
pub mod secret;
pub mod step;

pub use spec::{
    cluster::{Effect, HostKey, Role, SecretRef, SshTarget, Taint, Version},
    name::{ClusterName, NodeName},
};
