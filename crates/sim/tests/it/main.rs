//! The rehearsal world, by its ports alone.

mod conformance;
mod facts;
mod k3s;
mod operator;
mod watch;
mod yard;
