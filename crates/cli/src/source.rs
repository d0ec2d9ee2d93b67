//! Files that the operator hands in or keeps: read whole, written whole.
//!
//! Owns: reading with a bound, and writing beside the place and renaming, so that nothing is ever half written. Must
//! not: understand what is in them.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::OFlags;

use crate::failure::{Failure, Kind};

/// No file that coracle reads is larger.
const LIMIT: u64 = 64 << 20;
/// How long somebody has to open the other end of a pipe.
const WRITER: Duration = Duration::from_secs(5);
/// Between two looks whether he has.
const PAUSE: Duration = Duration::from_millis(20);

/// Reads a file, or standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(LIMIT + 1).read_to_end(&mut bytes)
    } else {
        open(path, &mut bytes).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes))
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

/// Opens a file to be read. A pipe that nobody writes to is an error instead of a wait without end; what it gave first
/// is kept.
fn open(path: &Path, first: &mut Vec<u8>) -> io::Result<File> {
    let waits = OFlags::NONBLOCK.bits().cast_signed();
    let mut file = OpenOptions::new().read(true).custom_flags(waits).open(path)?;
    if file.metadata()?.file_type().is_fifo() {
        await_writer(&mut file, first)?;
    }
    rustix::fs::fcntl_setfl(&file, OFlags::empty())?;
    Ok(file)
}

/// A pipe without a writer is at its end; one with a writer has something, or has nothing yet.
fn await_writer(pipe: &mut File, first: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 4096];
    for _ in 0..WRITER.as_millis() / PAUSE.as_millis() {
        match pipe.read(&mut buffer) {
            Ok(0) => std::thread::sleep(PAUSE),
            Ok(count) => {
                first.extend_from_slice(&buffer[..count]);
                return Ok(());
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    let span = WRITER.as_secs();
    Err(io::Error::new(io::ErrorKind::TimedOut, format!("it is a pipe, and for {span} s nobody wrote to it")))
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
    let there = fs::metadata(place).map(|there| there.permissions());
    if there.as_ref().is_ok_and(fs::Permissions::readonly) {
        // Renaming over it would go through all the same.
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is read-only"));
    }
    let mode = there.map_or(mode, |now| now.mode() & mode & 0o777);
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

    fn pipe(dir: &Path) -> PathBuf {
        let path = dir.join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).expect("a pipe");
        path
    }

    #[test]
    fn a_pipe_is_read_when_somebody_writes_and_given_up_when_nobody_does() {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let path = pipe(dir.path());
        let failure = read(&path).expect_err("nobody writes");
        assert_eq!(failure.kind, Kind::NoInput);
        assert!(format!("{failure:?}").contains("nobody wrote to it"), "{failure:?}");
        let writer = std::thread::spawn({
            let path = path.clone();
            move || fs::write(path, "x".repeat(200_000))
        });
        assert_eq!(read(&path).expect("it is written to").len(), 200_000);
        writer.join().expect("it ends").expect("it writes");
    }

    #[test]
    fn a_read_only_file_stays_as_it_is() {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let path = dir.path().join("config");
        fs::write(&path, "one").expect("writes");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).expect("it is ours");
        assert_eq!(write(&path, b"two", 0o600).expect_err("read-only").kind, Kind::CannotWrite);
        assert_eq!(fs::read(&path).expect("is there"), b"one");
    }

    #[test]
    fn a_pipe_is_written_to_and_not_replaced() {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let path = pipe(dir.path());
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
