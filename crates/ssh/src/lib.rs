//! Hosts, reached through the user's own OpenSSH client.
//!
//! Owns: one multiplexed connection a host, the options it is opened with, who may be trusted, how a session becomes
//! root, what the client's words mean, and when silence is an end. Everything the user told OpenSSH (configuration,
//! agent, jump hosts, hardware keys, `known_hosts`) holds here too. Must not: know what the bytes of an exec mean
//! (`host`), choose what is done (`plan`), read the environment, or loosen anything the user's configuration asks for.

mod channel;
mod client;
mod exec;
mod key;
mod known;
mod line;
mod mux;
mod root;
mod scan;
mod session;
mod settings;
mod talk;
mod words;

pub use channel::Channel;
pub use key::{Offered, Standing, accept, fingerprint};
pub use line::Ssh;
pub use settings::{Destination, Limits, Settings};
