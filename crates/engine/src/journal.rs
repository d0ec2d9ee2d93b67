//! Events as lines of JSON: the journal of a run, and the stream for programs.
//!
//! Owns: the form of a line. No event can carry a secret, so no line can. Must not: write anywhere; and nobody may
//! decide anything by reading a journal.

use model::event::{Event, What};
use serde::{Deserialize, Serialize};

/// The version of the form of a line.
pub const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Line<'a> {
    schema: u32,
    #[serde(rename = "at")]
    seconds: f64,
    what: &'a What,
}

#[derive(Deserialize)]
struct Read {
    schema: u32,
    at: f64,
    what: What,
}

/// One event as one line of JSON, without the newline: `{"schema":1,"at":12.5,"what":{"event":"ended",…}}`. Spans
/// of time are in seconds.
pub fn line(event: &Event) -> String {
    let line = Line { schema: SCHEMA, seconds: event.at.as_secs_f64(), what: &event.what };
    serde_json::to_string(&line).expect("events always serialise")
}

/// The event of a line; the error says what is wrong with it.
pub fn read(line: &str) -> Result<Event, String> {
    let read: Read = serde_json::from_str(line).map_err(|error| error.to_string())?;
    if read.schema != SCHEMA {
        return Err(format!("the line is of schema {}, and this coracle reads {SCHEMA}", read.schema));
    }
    let at = std::time::Duration::try_from_secs_f64(read.at).map_err(|error| error.to_string())?;
    Ok(Event { at, what: read.what })
}
