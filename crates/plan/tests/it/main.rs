//! What the planner promises, on worlds made by hand. Stories that run plans are told in the rehearsal world.

#![expect(clippy::unwrap_used, clippy::format_push_string, reason = "a panic is how a test fails")]

mod founding;
mod judge;
mod removal;
mod versions;
mod world;
