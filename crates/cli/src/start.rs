//! From the process's arguments to its exit code.
//!
//! Owns: the order of start and end. Must not: know any verb.

use std::{
    io::{self, Write as _},
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

use clap::{
    CommandFactory as _, FromArgMatches as _,
    error::{ContextKind, ContextValue, ErrorKind},
};

use crate::{
    args::{Cli, ColorChoice},
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
        Err(error) => return usage(error, &place),
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

/// Prints help or version (0, or 74 where that cannot be written) or what is wrong with the arguments (64).
fn usage(error: clap::Error, place: &Place) -> ExitCode {
    let asked = !error.use_stderr();
    let error = pointed(error);
    // A buffer that does not empty is a text that was not written.
    let printed = error.print().and_then(|()| io::stdout().flush());
    match printed {
        _ if !asked => ExitCode::from(Kind::Usage.code()),
        Err(why) if why.kind() != io::ErrorKind::BrokenPipe => {
            let paint = Paint(place.colour(ColorChoice::Auto, place.stderr.terminal));
            fail(&Failure::new(Kind::CannotWrite, format!("cannot write to standard output: {why}")), paint)
        }
        _ => ExitCode::SUCCESS,
    }
}

/// What other tools call looking before leaping is a verb of its own here.
fn pointed(mut error: clap::Error) -> clap::Error {
    const LOOKS: [&str; 6] = ["--dry-run", "--dryrun", "--check", "--diff", "--noop", "--what-if"];
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else { return error };
    let looks = LOOKS.iter().any(|word| given.split('=').next() == Some(word));
    if looks && error.kind() == ErrorKind::UnknownArgument {
        let tip =
            "`coracle plan` shows what would change and changes nothing; `coracle rehearse` plays it through";
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
        error.remove(ContextKind::SuggestedArg);
    }
    error
}
