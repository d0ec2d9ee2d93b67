//! `coracle status`.

use std::fmt::Write as _;

use model::{
    NodeName,
    facts::{Facts, Seen},
};
use plan::{Item, State};
use serde::Serialize;

use super::{Session, real::Job};
use crate::{
    args::Output,
    failure::{Ending, Failure},
    output,
    run::{aim::Goal, tally},
    ui::{
        paint::{Paint, Tone},
        screen::SCHEMA,
        span,
        summary::{self, Row},
    },
};

/// Show what is and what should be, item by item, without changing anything
///
/// Exits 2 when something is not as it should be. -v lists what is right too.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Hash every placed file again instead of believing size and times
    #[arg(long)]
    verify: bool,
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    kind: &'static str,
    nodes: &'a [Row],
    items: &'a [Item],
}

pub(crate) fn run(session: &Session, args: &Args) -> Result<Ending, Failure> {
    let job = Job::read(session)?;
    let aim = job.aim(session, Goal::Converge, args.verify)?;
    let facts = job.look(session, &aim)?;
    let mut items = plan::status(&aim.wish, &facts);
    items.retain(|item| item.host.as_ref().is_none_or(|host| aim.selection.has(host)));
    let rows = summary::rows(&job.cluster, &facts);
    if session.global.output == Output::Json {
        output::json_line(&Document { schema: SCHEMA, kind: "status", nodes: &rows, items: &items })?;
    } else {
        let paint = session.paint_out();
        output::to_stdout(&summary::table(&rows, paint))?;
        output::to_stdout(&show(&items, &facts, session.global.verbose > 0, paint))?;
    }
    match tally::darkest(&facts, &aim.selection) {
        Some(kind) => Err(Failure::shown(kind)),
        None if items.iter().any(|item| item.state == State::Fail) => Ok(Ending::Differs),
        None => Ok(Ending::Done),
    }
}

/// Every host with the number of items that are right, each that is not, and what to do about a host that is silent.
fn show(items: &[Item], facts: &Facts, all: bool, paint: Paint) -> String {
    let mut out = String::new();
    let mut hosts: Vec<Option<&NodeName>> = items.iter().map(|item| item.host.as_ref()).collect();
    hosts.sort();
    hosts.dedup();
    for host in hosts {
        let own: Vec<_> = items.iter().filter(|item| item.host.as_ref() == host).collect();
        let right = own.iter().filter(|item| item.state == State::Pass).count();
        let name = host.map_or("cluster", |host| host.as_str());
        let total = format!("{right} of {} as they should be", span::count(own.len(), "item"));
        let _ = writeln!(out, "\n{}: {total}", paint.tone(Tone::Name, name));
        for item in own.iter().filter(|item| all || item.state != State::Pass) {
            let (tone, sign) = look(item.state);
            let seen = if item.seen.is_empty() { String::new() } else { format!(": {}", item.seen) };
            let _ = writeln!(out, "  {} {}{seen}", paint.tone(tone, sign), item.what);
        }
        if let Some(Seen::Dark(fault)) = host.and_then(|host| facts.hosts.get(host)) {
            let cure = paint.tone(Tone::Faint, &format!("→ {}", fault.cause.cure()));
            let _ = writeln!(out, "      {cure}");
        }
    }
    out
}

fn look(state: State) -> (Tone, &'static str) {
    match state {
        State::Pass => (Tone::Good, "✓"),
        State::Fail => (Tone::Bad, "✗"),
        State::Unknown => (Tone::Care, "?"),
    }
}
