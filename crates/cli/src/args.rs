//! What was typed.
//!
//! Owns: the command line as clap reads it. Must not: interpret beyond syntax; each verb does that in its own file.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::{command, selection::Pattern};

/// Version and, where the build was told, commit (`CORACLE_COMMIT`, with its blank and brackets).
pub(crate) const VERSION: &str = match option_env!("CORACLE_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// Turns machines into a k3s cluster over SSH, from one file.
#[derive(Debug, Parser)]
#[command(name = "coracle", version = VERSION, max_term_width = 100, after_help = AFTER)]
#[command(subcommand_required = true, arg_required_else_help = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

const AFTER: &str = "\
First steps: `coracle init`, `coracle rehearse`, `coracle plan`, `coracle apply`.

Exit codes: 0 done, or nothing to do; 2 plan found changes, status found drift; 64 usage; 65 a file is \
wrong; 66 cannot read; 69 cannot reach; 70 a bug; 73 a step failed; 74 cannot write; 75 run again later; \
77 refused; 130 interrupted.";

/// Options that every verb takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Cluster file; `-` reads standard input
    #[arg(short, long, global = true, value_name = "FILE", default_value = "coracle.yaml")]
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,

    /// Which cluster, where the file describes several
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) cluster: Option<String>,

    /// Only these hosts: names, globs, @label or @label=value, separated by commas
    #[arg(long, global = true, value_name = "HOSTS", value_delimiter = ',')]
    pub(crate) on: Vec<Pattern>,

    /// Text for people, or JSON with a schema version for programs
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Text)]
    pub(crate) output: Output,

    /// Do not ask before changing anything
    #[arg(short, long, global = true, visible_alias = "auto-approve")]
    pub(crate) yes: bool,

    /// Ask once for the password that sudo wants on the hosts
    #[arg(long, global = true)]
    pub(crate) ask_sudo: bool,

    /// Configuration for ssh instead of your own (also `CORACLE_SSH_CONFIG`)
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) ssh_config: Option<PathBuf>,

    /// Show more: small steps, whole files, what is right too
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    /// When to colour; auto heeds `NO_COLOR`, `CLICOLOR` and the terminal
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub(crate) color: ColorChoice,
}

/// The form of what a verb prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    Text,
    Json,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    Auto,
    Always,
    Never,
}

/// The verbs, in the order of a cluster's life.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Init(command::init::Args),
    Check(command::check::Args),
    Lock(command::lock::Args),
    Rehearse(command::rehearse::Args),
    Plan(command::plan::Args),
    Apply(command::apply::Args),
    Status(command::status::Args),
    Kubeconfig(command::kubeconfig::Args),
    Render(command::render::Args),
    Destroy(command::destroy::Args),
    Schema(command::schema::Args),
    Completions(command::completions::Args),
    Man(command::man::Args),
    #[command(hide = true)]
    Reference(command::reference::Args),
}
