//! Files that the operator hands in or keeps: read whole, written whole.
//!
//! Owns: reading with a bound, and writing beside the place and renaming, so that nothing is ever half written. Must
//! not: understand what is in them.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use crate::failure::{Failure, Kind};

/// No file that coracle reads is larger.
const LIMIT: u64 = 64 << 20;

/// Reads a file, or standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(LIMIT + 1).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes))
    };
    match read {
        Err(error) => Err(Failure::reading(path, &error)),
        Ok(_) if bytes.len() as u64 > LIMIT => {
            let size = LIMIT >> 20;
            Err(Failure::new(Kind::ClusterFile, format!("{} is larger than {size} MiB", path.display())))
        }
        Ok(_) => Ok(bytes),
    }
}

/// Reads a file that need not be there.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        _ => read(path).map(Some),
    }
}

/// Writes a file beside its place and renames it over; a file that is there keeps its mode unless `mode` is stricter.
/// A device or a pipe is written to where it is: nothing may take its place.
pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    let written = match fs::metadata(path) {
        Ok(there) if !there.is_file() => {
            OpenOptions::new().write(true).open(path).and_then(|mut open| open.write_all(bytes))
        }
        _ => write_beside(&followed(path), bytes, mode),
    };
    written.map_err(|error| Failure::writing(path, &error))
}

fn write_beside(place: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mode = fs::metadata(place).map_or(mode, |now| now.permissions().mode() & mode & 0o777);
    let name = place.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
    let mut beside = name.to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = place.with_file_name(beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
    let written =
        file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, place));
    if written.is_err() {
        // The reason matters, not whether the left-over could be removed too.
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Makes a directory that only its owner may enter.
pub(crate) fn private_dir(path: &Path) -> Result<(), Failure> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700).create(path).map_err(|error| Failure::writing(path, &error))
}

/// Where a link leads, so that writing changes the file behind it and not the link, even where that file is not there.
fn followed(path: &Path) -> PathBuf {
    let behind = |link: PathBuf| path.parent().map(|dir| dir.join(&link)).unwrap_or(link);
    fs::canonicalize(path).or_else(|_| fs::read_link(path).map(behind)).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writing_replaces_whole_files_keeps_strict_modes_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let path = dir.path().join("kubeconfig");
        write(&path, b"one", 0o600).expect("writes");
        write(&path, b"two", 0o644).expect("writes again");
        let mode = fs::metadata(&path).expect("is there").permissions().mode();
        assert_eq!((fs::read(&path).expect("is there"), mode & 0o777), (b"two".to_vec(), 0o600));
        assert_eq!(fs::read_dir(dir.path()).expect("is there").count(), 1);
    }

    #[test]
    fn a_link_that_leads_nowhere_stays_a_link() {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let link = dir.path().join("config");
        std::os::unix::fs::symlink("away/config", &link).expect("a link");
        assert_eq!(write(&link, b"one", 0o600).expect_err("leads nowhere").kind, Kind::CannotWrite);
        fs::create_dir(dir.path().join("away")).expect("a directory");
        write(&link, b"one", 0o600).expect("writes");
        assert!(fs::symlink_metadata(&link).expect("is there").is_symlink());
        assert_eq!(fs::read(dir.path().join("away/config")).expect("is there"), b"one");
    }

    #[test]
    fn a_pipe_is_written_to_and_not_replaced() {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let path = dir.path().join("pipe");
        let kind = rustix::fs::FileType::Fifo;
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, kind, mode, 0).expect("a pipe");
        let reader = std::thread::spawn({
            let path = path.clone();
            move || fs::read(path).expect("the pipe can be read")
        });
        write(&path, b"one", 0o600).expect("writes");
        assert_eq!(reader.join().expect("it ends"), b"one");
        assert!(!fs::metadata(&path).expect("is there").is_file());
    }

    #[test]
    fn a_file_that_cannot_be_written_is_named() {
        assert_eq!(write(Path::new("/"), b"", 0o644).expect_err("a directory").kind, Kind::CannotWrite);
        let failure =
            write(Path::new("/nowhere/at/all"), b"", 0o644).expect_err("there is no such directory");
        assert_eq!(failure.kind, Kind::CannotWrite);
    }
}
