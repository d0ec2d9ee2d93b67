//! `coracle reference`: the generated pages of the book. Not for daily use, so the list of verbs leaves it out.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use clap::CommandFactory as _;
use spec::diagnostic::Code;

use super::{Session, rehearse};
use crate::{
    args::Cli,
    failure::{Ending, Failure, Kind},
    output, source,
};

/// Write the generated pages of the book's reference: verbs, exit codes, diagnostics
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Where to
    #[arg(value_name = "DIR", required_unless_present = "plan")]
    dir: Option<PathBuf>,

    /// Instead, show what `coracle plan` shows where the world is one that a rehearsal saved: README's picture of a plan
    #[arg(long, value_name = "WORLD", conflicts_with = "dir")]
    plan: Option<PathBuf>,
}

pub(crate) fn run(session: &Session, args: &Args) -> Result<Ending, Failure> {
    if let Some(world) = &args.plan {
        output::to_stdout(&rehearse::plan_in(session, world)?)?;
    }
    args.dir.as_deref().map_or(Ok(Ending::Done), pages)
}

fn pages(dir: &Path) -> Result<Ending, Failure> {
    fs::create_dir_all(dir).map_err(|error| Failure::writing(dir, &error))?;
    for (name, page) in [
        ("commands.md", commands()),
        ("exit-codes.md", exit_codes()),
        ("diagnostics.md", diagnostics()),
        ("faults.md", faults()),
    ] {
        source::write(&dir.join(name), page.as_bytes(), 0o644)?;
    }
    Ok(Ending::Done)
}

const MADE: &str = "<!-- Made by `coracle reference docs/reference`; changes here are lost. -->\n\n";

fn commands() -> String {
    let mut whole = Cli::command().term_width(100);
    whole.build();
    let mut page =
        format!("{MADE}# Commands\n\n```text\n{}```\n", trimmed(&whole.render_long_help().to_string()));
    for verb in whole.get_subcommands_mut().filter(|verb| !verb.is_hide_set()) {
        let name = verb.get_name().to_owned();
        let help = verb.clone().mut_args(|arg| if arg.is_global_set() { arg.hide(true) } else { arg });
        let help = trimmed(&help.term_width(100).clone().render_long_help().to_string());
        let _ = write!(page, "\n## coracle {name}\n\n```text\n{help}```\n");
    }
    page
}

/// Help without blanks at the ends of lines.
fn trimmed(help: &str) -> String {
    help.trim_end().lines().fold(String::new(), |out, line| out + line.trim_end() + "\n")
}

fn exit_codes() -> String {
    let mut page = format!("{MADE}# Exit codes\n\n| code | meaning |\n|---|---|\n");
    page.push_str("| 0 | done, or nothing to do |\n");
    let _ = writeln!(page, "| {} | `plan` found changes, `status` found drift |", Ending::DIFFERS);
    for (kind, meaning) in Kind::ALL {
        let _ = writeln!(page, "| {} | {meaning} |", kind.code());
    }
    page
}

fn diagnostics() -> String {
    let mut page = format!(
        "{MADE}# Diagnostics of the cluster file\n\n| code | what brings it about | what to do |\n|---|---|---|\n"
    );
    for code in Code::ALL {
        let _ = writeln!(page, "| `{code}` | {} | {} |", cell(code.cause()), cell(code.cure()));
    }
    page
}

fn faults() -> String {
    let mut page = format!("{MADE}# Faults of the rehearsal\n\n```text\n");
    page.push_str(&super::rehearse::fault_help());
    page + "\n```\n"
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
