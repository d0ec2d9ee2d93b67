//! What every verb is given, and what most verbs begin with: the cluster file and its lock.

use std::{
    cell::OnceCell,
    path::{Path, PathBuf},
};

use model::lock::Lock;
use spec::{Parsed, cluster::Cluster};

use crate::{
    args::Global,
    failure::{Failure, Kind},
    interrupt::Interrupt,
    output,
    place::Place,
    selection::Selection,
    source,
    ui::{change::Depth, paint::Paint},
};

/// What every verb is given.
#[derive(Debug)]
pub(crate) struct Session {
    /// The options that every verb takes.
    pub(crate) global: Global,
    /// Environment and terminals.
    pub(crate) place: Place,
    interrupt: OnceCell<Interrupt>,
}

/// A cluster file as it was read.
pub(crate) struct Read {
    /// Its text, wrong bytes replaced.
    pub(crate) text: String,
    /// What it says.
    pub(crate) parsed: Parsed,
}

impl Session {
    /// A session of these options in this place.
    pub(crate) fn new(global: Global, place: Place) -> Self {
        Self { global, place, interrupt: OnceCell::new() }
    }

    /// Ctrl-C, listened to from the first call on.
    pub(crate) fn interrupt(&self) -> &Interrupt {
        self.interrupt.get_or_init(Interrupt::listen)
    }

    /// The configuration that ssh uses instead of the user's own.
    pub(crate) fn ssh_config(&self) -> Option<PathBuf> {
        let given = self.global.ssh_config.clone();
        given.or_else(|| self.place.var("CORACLE_SSH_CONFIG").map(PathBuf::from))
    }

    /// Colours for standard error.
    pub(crate) fn paint_err(&self) -> Paint {
        Paint(self.place.colour(self.global.color, self.place.stderr.terminal))
    }

    /// Colours for standard output.
    pub(crate) fn paint_out(&self) -> Paint {
        Paint(self.place.colour(self.global.color, self.place.stdout.terminal))
    }

    /// How much of a plan is shown.
    pub(crate) fn depth(&self) -> Depth {
        if self.global.verbose > 0 { Depth::All } else { Depth::Texts }
    }

    /// Reads the cluster file, right or wrong.
    pub(crate) fn read_cluster_file(&self) -> Result<Read, Failure> {
        let path = &self.global.file;
        let bytes = source::read(path).map_err(|failure| {
            let hint = match failure.kind {
                Kind::NoInput if *path == Path::new("coracle.yaml") => {
                    "write one with `coracle init`, or name another with -f FILE"
                }
                _ => "name the cluster file with -f FILE; `-f -` reads standard input",
            };
            failure.hint(hint)
        })?;
        Ok(match spec::decode(&bytes) {
            Ok(text) => {
                let parsed = spec::parse(text, &|name| self.place.env.get(name).cloned());
                Read { text: text.to_owned(), parsed }
            }
            Err(wrong) => Read {
                text: String::from_utf8_lossy(&bytes).into_owned(),
                parsed: Parsed { clusters: Vec::new(), diagnostics: vec![wrong] },
            },
        })
    }

    /// Shows all diagnostics; the clusters when none is an error.
    pub(crate) fn complain(&self, read: Read) -> Result<Vec<Cluster>, Failure> {
        let name = self.file_name();
        let picture = spec::render(&name, &read.text, &read.parsed.diagnostics, self.paint_err().0);
        output::to_stderr(&picture);
        if read.parsed.has_errors() {
            let errors = read.parsed.diagnostics.iter();
            let errors = errors.filter(|d| d.severity == spec::diagnostic::Severity::Error).count();
            let errors = crate::ui::span::count(errors, "error");
            return Err(Failure::new(Kind::ClusterFile, format!("{name} has {errors}")));
        }
        Ok(read.parsed.clusters)
    }

    /// The clusters of a right file; its warnings are shown.
    pub(crate) fn clusters(&self) -> Result<Vec<Cluster>, Failure> {
        self.complain(self.read_cluster_file()?)
    }

    /// The one cluster that a verb is about.
    pub(crate) fn cluster(&self) -> Result<Cluster, Failure> {
        let mut clusters = self.clusters()?;
        let names: Vec<_> = clusters.iter().map(|cluster| cluster.name.to_string()).collect();
        let file = self.file_name();
        let nth = match &self.global.cluster {
            Some(name) => names.iter().position(|known| known == name).ok_or_else(|| {
                Failure::usage(format!("{file} describes no cluster {name}"))
                    .hint(format!("its clusters are {}", names.join(", ")))
            })?,
            None if names.len() == 1 => 0,
            None => {
                return Err(Failure::usage(format!("{file} describes {} clusters", names.len()))
                    .hint(format!("choose one with --cluster: {}", names.join(", "))));
            }
        };
        Ok(clusters.swap_remove(nth))
    }

    /// The hosts that `--on` selects.
    pub(crate) fn selection(&self, cluster: &Cluster) -> Result<Selection, Failure> {
        Selection::of(cluster, &self.global.on)
    }

    /// The cluster file's name for people.
    pub(crate) fn file_name(&self) -> String {
        match self.global.file.to_str() {
            Some("-") => "standard input".to_owned(),
            _ => self.global.file.display().to_string(),
        }
    }

    /// `coracle.lock` beside the cluster file.
    pub(crate) fn lock_path(&self) -> PathBuf {
        self.global.file.with_file_name("coracle.lock")
    }

    /// The lock, if there is one.
    pub(crate) fn lock(&self) -> Result<Option<Lock>, Failure> {
        let path = self.lock_path();
        let Some(bytes) = source::read_if_there(&path)? else { return Ok(None) };
        let wrong = |why: String| {
            Failure::new(
                Kind::ClusterFile,
                format!("{} is not a lock that this coracle reads: {why}", path.display()),
            )
            .hint("`coracle lock` writes it; to begin anew, delete it first")
        };
        Lock::read(&bytes).map(Some).map_err(wrong)
    }
}
