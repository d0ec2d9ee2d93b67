//! The lock that kubectl and its kin take on a kubeconfig while they write: `FILE.lock`.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use crate::failure::{Failure, Kind};

/// Held until dropped.
#[derive(Debug)]
pub(crate) struct Hold(PathBuf);

impl Hold {
    /// Takes the lock of a file; refuses at once when somebody has it.
    pub(crate) fn take(path: &Path) -> Result<Self, Failure> {
        let mut name = OsString::from(path);
        name.push(".lock");
        let lock = PathBuf::from(name);
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&lock) {
            Ok(_) => Ok(Self(lock)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let message =
                    format!("{} is there: another program writes {}", lock.display(), path.display());
                Err(Failure::new(Kind::Later, message)
                    .hint("run it again; if no such program runs, delete that file"))
            }
            Err(error) => Err(Failure::writing(&lock, &error)),
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // If it cannot be removed now, the next one to want it is told its name.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_free_afterwards() {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let path = dir.path().join("config");
        let hold = Hold::take(&path).expect("free");
        assert_eq!(Hold::take(&path).expect_err("held").kind, Kind::Later);
        drop(hold);
        Hold::take(&path).expect("free again");
    }
}
