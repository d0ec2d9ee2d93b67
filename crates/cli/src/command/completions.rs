//! `coracle completions`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{
    args::Cli,
    failure::{Ending, Failure},
    output,
};

/// Print a completion script for a shell
///
/// Load it at once with `source <(coracle completions bash)`, or write it where your shell looks for completions.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> Result<Ending, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "coracle", &mut script);
    output::to_stdout(&String::from_utf8_lossy(&script))?;
    Ok(Ending::Done)
}
