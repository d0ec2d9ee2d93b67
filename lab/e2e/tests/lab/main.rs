//! End to end: the `coracle` binary, real cluster files, real hosts over real SSH.
//!
//! `lab/e2e/run` boots the hosts and runs this; without it (`CORACLE_E2E_LAB`) every story says that it was not told. A story
//! takes the hosts it needs from the lab's and gives them back; what it wrote and heard stays in a directory of its own.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "stories reach real hosts, and say when there are none"
)]

mod api;
mod by_hand;
mod file;
mod lab;
mod operator;
mod secrets;

mod adopt;
mod destroy;
mod guard;
mod killed;
mod rehearsed;
mod removal;
mod several;
mod small;
mod spill;
mod trouble;
mod upgrade;
