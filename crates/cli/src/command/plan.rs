//! `coracle plan`.

use std::path::PathBuf;

use clap::ValueHint;
use engine::Saved;
use model::{plan::Plan, report::Report};
use serde::Serialize;

use super::{Session, real::Job};
use crate::{
    args::Output,
    failure::{Ending, Failure, Kind},
    output,
    run::{aim::Goal, tally},
    source,
    ui::{change, finding},
};

/// Show what apply would change, without changing anything
///
/// Looks at every host and shows every change on every host, object and file. Exits 2 when there is something to do,
/// 0 when there is not.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Save the plan for `coracle apply FILE` (mode 0600)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    out: Option<PathBuf>,

    /// Save what was observed, for `coracle rehearse --from FILE` (mode 0600)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    facts: Option<PathBuf>,

    /// Hash every placed file again instead of believing size and times
    #[arg(long)]
    verify: bool,
}

pub(crate) fn run(session: &Session, args: &Args) -> Result<Ending, Failure> {
    let job = Job::read(session)?;
    let aim = job.aim(session, Goal::Converge, args.verify)?;
    let facts = job.look(session, &aim)?;
    let (plan, report) = aim.plan(&facts);
    aim.sound()?;
    if let Some(path) = &args.facts {
        save(path, &facts)?;
    }
    show(session, &plan, &report)?;
    if let Some(path) = &args.out {
        save(path, &Saved::new(plan.clone(), &facts))?;
        let path = path.display();
        output::to_stderr(&format!("saved to {path}; `coracle apply {path}` carries it out\n"));
    }
    verdict(&plan, &report, tally::darkest(&facts, &aim.selection))
}

fn show(session: &Session, plan: &Plan, report: &Report) -> Result<(), Failure> {
    if session.global.output == Output::Json {
        return output::json_line(&change::Document::new(plan, report));
    }
    let paint = session.paint_out();
    let findings = finding::show(report, paint);
    let gap = if findings.is_empty() { "" } else { "\n" };
    output::to_stdout(&format!("{findings}{gap}{}", change::show(plan, report, session.depth(), paint)))
}

/// Refusals and silence weigh more than changes, and changes more than waiting.
fn verdict(plan: &Plan, report: &Report, dark: Option<Kind>) -> Result<Ending, Failure> {
    match Kind::of_report(report).map(|kind| dark.map_or(kind, |dark| dark.max(kind))) {
        Some(kind) if kind > Kind::Later || plan.is_empty() => Err(Failure::shown(kind)),
        _ if plan.is_empty() => Ok(Ending::Done),
        _ => Ok(Ending::Differs),
    }
}

fn save(path: &std::path::Path, value: &impl Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(value).expect("plans and facts always serialise");
    text.push('\n');
    source::write(path, text.as_bytes(), 0o600)
}
