//! The engine against small hand-made worlds.

mod apply;
mod clock;
mod converge;
mod fake;
mod journal;
mod observe;
mod plans;
mod progress;
mod promises;
mod saved;
mod sending;
mod waiting;
