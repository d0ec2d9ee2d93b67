//! Opening beneath a directory without the kernel's help: one segment at a time, links read and walked by hand.
//!
//! Owns: the fallback for kernels and sandboxes without openat2. Must not: follow anything by itself; every step is
//! opened without following, and `..` goes back along the handles that led here.

use std::{
    collections::VecDeque,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{FileType, Mode, OFlags, fstat, openat, readlinkat},
    io::Errno,
};

use super::beneath::FLAGS;

/// As many as the kernel follows.
const LINKS: usize = 40;

/// Opens `path` (relative) beneath `root`.
pub(super) fn open(root: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd, Errno> {
    let mut ahead: VecDeque<Vec<u8>> = segments(path).collect();
    let mut behind: Vec<(OwnedFd, Vec<u8>)> = Vec::new();
    let mut links = 0;
    while let Some(segment) = ahead.pop_front() {
        let here = behind.last().map_or(root, |(handle, _)| handle.as_fd());
        match segment.as_slice() {
            b"." => is_directory(here)?,
            b".." => {
                is_directory(here)?;
                // Beyond the root there is nothing.
                behind.pop().ok_or(Errno::XDEV)?;
            }
            name => {
                let next =
                    openat(here, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
                if FileType::from_raw_mode(fstat(&next)?.st_mode) == FileType::Symlink {
                    links += 1;
                    let target = readlinkat(&next, "", Vec::new())?;
                    if links > LINKS {
                        return Err(Errno::LOOP);
                    }
                    if target.as_bytes().starts_with(b"/") {
                        return Err(Errno::XDEV);
                    }
                    for segment in segments(target.as_bytes()).collect::<Vec<_>>().into_iter().rev() {
                        ahead.push_front(segment);
                    }
                } else {
                    behind.push((next, name.to_vec()));
                }
            }
        }
    }
    reopen(root, &behind)
}

fn segments(path: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    path.split(|&byte| byte == b'/').filter(|segment| !segment.is_empty()).map(<[u8]>::to_vec)
}

fn is_directory(handle: BorrowedFd<'_>) -> Result<(), Errno> {
    let kind = FileType::from_raw_mode(fstat(handle)?.st_mode);
    if kind == FileType::Directory { Ok(()) } else { Err(Errno::NOTDIR) }
}

/// A handle for reading. A path handle cannot be read, so the name is opened once more, without following, and must
/// still be the same file.
fn reopen(root: BorrowedFd<'_>, behind: &[(OwnedFd, Vec<u8>)]) -> Result<OwnedFd, Errno> {
    let Some(((last, name), above)) = behind.split_last() else {
        return openat(root, ".", FLAGS, Mode::empty());
    };
    let stat = fstat(last)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => openat(last, ".", FLAGS, Mode::empty()),
        FileType::RegularFile => {
            let parent = above.last().map_or(root, |(handle, _)| handle.as_fd());
            let file = openat(parent, name.as_slice(), FLAGS | OFlags::NOFOLLOW, Mode::empty())?;
            let again = fstat(&file)?;
            if (again.st_dev, again.st_ino) == (stat.st_dev, stat.st_ino) {
                Ok(file)
            } else {
                Err(Errno::NOENT)
            }
        }
        _ => Err(Errno::NOENT),
    }
}
