//! From the process's arguments to its exit code.
//!
//! Owns: the order of start and end. Must not: know any verb.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::{
    args::Cli,
    command::{self, Session},
    crash,
    failure::{Ending, Failure, Kind},
    place::Place,
    ui::paint::Paint,
};

/// Runs the program.
pub(crate) fn run() -> ExitCode {
    crash::install_hook();
    catch_unwind(AssertUnwindSafe(whole)).unwrap_or(ExitCode::from(Kind::Bug.code()))
}

fn whole() -> ExitCode {
    let place = Place::gather();
    let command = Cli::command().color(place.clap_colour());
    let cli = match command.try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let paint = Paint(place.colour(cli.global.color, place.stderr.terminal));
    match command::run(&Session::new(cli.global, place), cli.verb) {
        Ok(Ending::Done) => ExitCode::SUCCESS,
        Ok(Ending::Differs) => ExitCode::from(Ending::DIFFERS),
        Err(failure) => fail(&failure, paint),
    }
}

fn fail(failure: &Failure, paint: Paint) -> ExitCode {
    let Some(code) = failure.kind.exit() else { return ExitCode::SUCCESS };
    crate::output::to_stderr(&failure.show(paint));
    ExitCode::from(code)
}

/// Prints help or version (0) or what is wrong with the arguments (64).
fn usage(error: &clap::Error) -> ExitCode {
    let asked = !error.use_stderr();
    // A reader that has gone away is no reason to fail.
    let _ = error.print();
    if asked { ExitCode::SUCCESS } else { ExitCode::from(Kind::Usage.code()) }
}
