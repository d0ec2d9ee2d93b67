//! `coracle man`.

use std::{fs, path::PathBuf};

use clap::{CommandFactory as _, ValueHint};
use clap_mangen::Man;

use crate::{
    args::Cli,
    failure::{Ending, Failure},
    output,
};

/// Print the manual page, or write one for every verb
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Write coracle.1 and one page for each verb into this directory instead
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    dir: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<Ending, Failure> {
    let mut whole = Cli::command();
    whole.build();
    let Some(dir) = &args.dir else {
        output::to_stdout(&String::from_utf8_lossy(&page(whole)))?;
        return Ok(Ending::Done);
    };
    fs::create_dir_all(dir).map_err(|error| Failure::writing(dir, &error))?;
    let verbs = whole.get_subcommands().cloned().map(|verb| {
        let name = format!("coracle-{}", verb.get_name());
        verb.name(name.clone().leak() as &str).display_name(name)
    });
    for command in verbs.collect::<Vec<_>>().into_iter().chain([whole]) {
        let path = dir.join(format!("{}.1", command.get_name()));
        fs::write(&path, page(command)).map_err(|error| Failure::writing(&path, &error))?;
    }
    Ok(Ending::Done)
}

fn page(command: clap::Command) -> Vec<u8> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page).expect("writing to a Vec cannot fail");
    page
}
