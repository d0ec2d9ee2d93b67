//! What somebody else does to machines, before or between runs: for stories and conformance.

use model::NodeName;

use super::World;
use crate::host::disk::{Blob, Entry, root};

/// Something that somebody else puts on a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thing {
    /// A file of root's, with the directories above it.
    File {
        /// Absolute path.
        path: String,
        /// Permission bits.
        mode: u32,
        /// What it holds.
        bytes: Vec<u8>,
    },
    /// A directory of root's.
    Dir {
        /// Absolute path.
        path: String,
        /// Permission bits.
        mode: u32,
    },
    /// A symbolic link.
    Link {
        /// Absolute path.
        path: String,
        /// Where it points.
        target: String,
    },
    /// Nothing: what is at the path goes, with everything below.
    Nothing {
        /// Absolute path.
        path: String,
    },
    /// A service of the system's own.
    Service {
        /// Its name.
        name: String,
        /// It starts at boot.
        enabled: bool,
        /// It runs.
        active: bool,
    },
    /// A package that is installed.
    Package(String),
    /// A module that is loaded.
    Module(String),
    /// A running kernel setting.
    Sysctl {
        /// Its dotted key.
        key: String,
        /// Its value.
        value: String,
    },
    /// A package, module or kernel setting of this name is not to be had there.
    Lack(String),
}

impl World {
    /// Has somebody else put something on a machine. Unknown machines are left out.
    pub fn furnish(&mut self, host: &NodeName, thing: Thing) {
        let Some(machine) = self.machines.get_mut(host) else { return };
        let (path, entry) = match thing {
            Thing::File { path, mode, bytes } => {
                (path, Entry::File { meta: root(mode), blob: Blob::new(bytes) })
            }
            Thing::Dir { path, mode } => (path, Entry::Dir { meta: root(mode) }),
            Thing::Link { path, target } => (path, Entry::Link { target }),
            Thing::Nothing { path } => {
                machine.disk.remove(&path);
                return;
            }
            Thing::Service { name, enabled, active } => {
                let service = crate::host::Service { builtin: true, enabled, active };
                machine.services.insert(name, service);
                return;
            }
            Thing::Package(name) => {
                machine.installed.insert(name);
                return;
            }
            Thing::Module(name) => {
                machine.modules.insert(name.replace('-', "_"));
                return;
            }
            Thing::Sysctl { key, value } => {
                machine.sysctls.insert(key, Some(value));
                return;
            }
            Thing::Lack(name) => {
                machine.lacks.insert(name);
                return;
            }
        };
        // A file where a directory would have to be stays: somebody else cannot do that either.
        let _ = machine.disk.put(&path, entry);
    }

    /// Has a URL serve these bytes, whatever digest a lock expects behind it.
    pub fn serve(&mut self, url: &str, bytes: &[u8]) {
        self.shelf.serve(url, bytes);
    }
}
