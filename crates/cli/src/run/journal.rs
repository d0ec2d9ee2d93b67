//! The journal of a run: a file that people read when something went wrong. Nothing is ever decided by it.
//!
//! Owns: its place (`$XDG_STATE_HOME/coracle/CLUSTER/STARTED-PID.jsonl`, 0600 in 0700). A journal that cannot be
//! written is said once and does not stop the run.

use std::{
    cell::RefCell,
    fs::{File, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use model::{ClusterName, event::Event, op::Holder, port::Events};

use crate::{output, place::Place, source, world::identity};

/// Writes every event of a run down.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: RefCell<Option<File>>,
}

impl Journal {
    /// Where journals of a cluster lie.
    pub(crate) fn dir(place: &Place, cluster: &ClusterName) -> Option<PathBuf> {
        Some(place.state()?.join(cluster.as_str()))
    }

    /// Begins the journal of this run; says so when it cannot.
    pub(crate) fn begin(place: &Place, cluster: &ClusterName, holder: &Holder) -> Option<Self> {
        let dir = Self::dir(place, cluster)?;
        let path = dir.join(identity::journal_name(holder));
        let opened = source::private_dir(&dir).ok().and_then(|()| open(&path));
        if opened.is_none() {
            output::to_stderr(&format!("note: no journal of this run: cannot write {}\n", path.display()));
        }
        opened.map(|file| Self { path, file: RefCell::new(Some(file)) })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

fn open(path: &Path) -> Option<File> {
    OpenOptions::new().create_new(true).append(true).mode(0o600).open(path).ok()
}

impl Events for Journal {
    fn tell(&self, event: Event) {
        let mut file = self.file.borrow_mut();
        let line = engine::journal::line(&event) + "\n";
        if file.as_mut().is_some_and(|file| file.write_all(line.as_bytes()).is_err()) {
            *file = None;
            output::to_stderr(&format!(
                "note: the journal ends here: cannot write {}\n",
                self.path.display()
            ));
        }
    }
}
