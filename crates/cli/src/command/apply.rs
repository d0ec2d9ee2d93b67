//! `coracle apply`.

use std::path::{Path, PathBuf};

use clap::ValueHint;
use engine::Saved;

use super::{Session, real::Job};
use crate::{
    failure::{Ending, Failure, Kind},
    run::{aim::Goal, carry::Permission},
    source,
};

/// Make the hosts what the cluster file says
///
/// Looks at every host, shows the plan, asks, carries it out, and looks again. Kill it anywhere and run it again: it
/// goes on where it stopped. With a saved plan, carries out exactly that one, on the machines it was made for.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// A plan that `coracle plan --out FILE` saved
    #[arg(value_name = "PLAN", value_hint = ValueHint::FilePath)]
    plan: Option<PathBuf>,
    /// Take the watched system files as they are now: what `status` calls changed since the record is right
    #[arg(long, conflicts_with = "plan")]
    record_integrity: bool,
}

pub(crate) fn run(session: &Session, args: &Args) -> Result<Ending, Failure> {
    let permission = permission(session)?;
    let job = Job::read(session)?;
    let mut aim = job.aim(session, Goal::Converge, false)?;
    aim.wish.record_integrity = args.record_integrity;
    match &args.plan {
        None => job.carry(session, &aim, &permission)?,
        Some(path) => {
            let saved = read(path)?;
            if saved.plan.cluster != job.cluster.name {
                let (theirs, ours) = (&saved.plan.cluster, &job.cluster.name);
                return Err(Failure::usage(format!(
                    "{} is a plan for {theirs}, not for {ours}",
                    path.display()
                ))
                .hint("name that cluster's file with -f FILE"));
            }
            if !aim.selection.is_all() {
                return Err(Failure::usage("a saved plan is carried out as it is, without --on"));
            }
            job.carry_saved(session, &aim, &saved, &permission)?;
        }
    }
    Ok(Ending::Done)
}

/// How the operator will say yes; an error when nobody can.
pub(crate) fn permission(session: &Session) -> Result<Permission, Failure> {
    if session.global.yes {
        return Ok(Permission::Given);
    }
    if session.place.can_ask() && session.global.file != Path::new("-") {
        return Ok(Permission::Asked("Carry this plan out?".to_owned()));
    }
    Err(Failure::usage("this would change machines, and nobody is here to be asked")
        .hint("run it in a terminal, or say yes beforehand with --yes")
        .hint("`coracle plan` shows what would change"))
}

fn read(path: &Path) -> Result<Saved, Failure> {
    let bytes = source::read(path)?;
    let wrong = |why: String| {
        Failure::new(
            Kind::ClusterFile,
            format!("{} is not a plan that this coracle reads: {why}", path.display()),
        )
        .hint("make it again with `coracle plan --out FILE`")
    };
    Saved::read(&bytes).map_err(wrong)
}
