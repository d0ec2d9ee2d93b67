//! From events and findings to the screen.
//!
//! Owns: words, layout and colours. The screen is a function of the event stream: nothing here looks at the world,
//! and nothing elsewhere prints a run. One file per family of events in `line/`; `live` redraws, `json` writes lines
//! for programs.

pub(crate) mod ask;
pub(crate) mod change;
pub(crate) mod finding;
pub(crate) mod line;
pub(crate) mod live;
pub(crate) mod paint;
pub(crate) mod screen;
pub(crate) mod span;
pub(crate) mod summary;
pub(crate) mod table;
