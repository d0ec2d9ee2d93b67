//! `coracle render`.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use clap::ValueHint;
use plan::{Rendered, Seed, Wish};

use super::Session;
use crate::{
    failure::{Ending, Failure, Kind},
    output, source,
    ui::span,
};

/// Write what would be placed on the hosts as files, without looking at any
///
/// Makes a tree for every host: DIR/HOST/etc/…; secrets stand as ‹…› in it, and what only the host knows (the name of
/// an interface) too.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Where to; made if it is not there
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    dir: PathBuf,

    /// Write into a directory that is not empty
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(session: &Session, args: &Args) -> Result<Ending, Failure> {
    let cluster = session.cluster()?;
    let selection = session.selection(&cluster)?;
    let lock = session.lock()?.unwrap_or_else(super::no_lock);
    let wish = Wish { cluster: &cluster, lock: &lock, seed: Seed(0), verify: false, record_integrity: false };
    if occupied(&args.dir) && !args.force {
        return Err(Failure::new(Kind::CannotWrite, format!("{} is not empty", args.dir.display()))
            .hint("name another directory, or write into it with --force"));
    }
    let mut files = 0;
    for (host, tree) in plan::render(&wish).iter().filter(|(host, _)| selection.has(host)) {
        let top = args.dir.join(host.as_str());
        fs::create_dir_all(&top).map_err(|error| Failure::writing(&top, &error))?;
        for (path, rendered) in tree {
            place(&top.join(path.trim_start_matches('/')), rendered)?;
            files += 1;
        }
    }
    output::to_stderr(&format!("wrote {} below {}\n", span::count(files, "file"), args.dir.display()));
    Ok(Ending::Done)
}

fn occupied(dir: &Path) -> bool {
    fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some())
}

fn place(path: &Path, rendered: &Rendered) -> Result<(), Failure> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| Failure::writing(parent, &error))?;
    }
    // Whatever an earlier run left there: a link must not be written through.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Failure::writing(path, &error)),
        _ => {}
    }
    match &rendered.meta {
        Some(meta) => source::write(path, rendered.text.as_bytes(), meta.mode),
        None => symlink(&rendered.text, path).map_err(|error| Failure::writing(path, &error)),
    }
}
