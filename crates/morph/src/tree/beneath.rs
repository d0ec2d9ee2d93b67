//! Opening files beneath a directory and never elsewhere.
//!
//! Owns: the kernel's means for it (`openat2` with `RESOLVE_BENEATH`), the fallback, and which kinds of file are served.
//! Must not: interpret names; whoever calls has refused `..` already, and the kernel refuses it again.

use std::{
    ffi::CString,
    os::fd::{AsFd, OwnedFd},
    sync::atomic::{AtomicBool, Ordering},
};

use rustix::{
    fs::{FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat2},
    io::Errno,
};

use super::walk;

/// What identifies a state of a file: when all of it is the same, the content is taken for the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Device and inode.
    pub identity: (u64, u64),
    /// Bytes.
    pub size: u64,
    /// Last change of the content: seconds since 1970, nanoseconds.
    pub modified: (i64, u32),
    /// Last change of content or state.
    pub changed: (i64, u32),
    /// A directory, else a regular file.
    pub directory: bool,
}

/// A regular file or directory beneath the root.
#[derive(Debug)]
pub struct Opened {
    /// The handle.
    pub file: OwnedFd,
    /// Its state when it was opened.
    pub meta: Meta,
}

/// Set once openat2 was found missing or forbidden.
static WITHOUT_OPENAT2: AtomicBool = AtomicBool::new(false);

/// Opens what lies at `path` beneath `root`; links are followed as long as they stay beneath it. What is neither a
/// regular file nor a directory is refused like what is not there.
pub fn open(root: impl AsFd, path: &[u8]) -> Result<Opened, Errno> {
    let relative = path.strip_prefix(b"/").unwrap_or(path);
    let relative = relative.strip_suffix(b"/").unwrap_or(relative);
    let relative = if relative.is_empty() { b"." } else { relative };
    let name = CString::new(relative).map_err(|_| Errno::NOENT)?;
    let file = if WITHOUT_OPENAT2.load(Ordering::Relaxed) {
        walk::open(root.as_fd(), relative)?
    } else {
        match kernel(root.as_fd(), &name) {
            Err(Errno::NOSYS | Errno::PERM) => {
                // PERM is what old seccomp profiles say; a file that may not be read says ACCESS.
                WITHOUT_OPENAT2.store(true, Ordering::Relaxed);
                walk::open(root.as_fd(), relative)?
            }
            other => other?,
        }
    };
    let meta = judge(&fstat(&file)?)?;
    Ok(Opened { file, meta })
}

/// For reading, without waiting for the other end of a pipe and without adopting a terminal.
pub(super) const FLAGS: OFlags =
    OFlags::RDONLY.union(OFlags::CLOEXEC).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

fn kernel(root: impl AsFd, name: &CString) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let mut tries = 0;
    loop {
        match openat2(&root, name, FLAGS, Mode::empty(), resolve) {
            // A rename somewhere on the machine raced with `..` in a link; the kernel asks to come again.
            Err(Errno::AGAIN) if tries < 16 => tries += 1,
            other => return other,
        }
    }
}

fn judge(stat: &Stat) -> Result<Meta, Errno> {
    let kind = FileType::from_raw_mode(stat.st_mode);
    if !matches!(kind, FileType::RegularFile | FileType::Directory) {
        return Err(Errno::NOENT);
    }
    let nanos = |nanos| u32::try_from(nanos).unwrap_or_default();
    Ok(Meta {
        identity: (stat.st_dev, stat.st_ino),
        size: u64::try_from(stat.st_size).unwrap_or_default(),
        modified: (stat.st_mtime, nanos(stat.st_mtime_nsec)),
        changed: (stat.st_ctime, nanos(stat.st_ctime_nsec)),
        directory: kind == FileType::Directory,
    })
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::{fs::symlink, net::UnixListener},
        path::Path,
    };

    use proptest::prelude::*;
    use rustix::fs::{CWD, open as open_file};

    use super::*;

    /// A tree with every kind of link, and a secret beside it.
    fn tree() -> (tempfile::TempDir, OwnedFd) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("root/a/b")).unwrap();
        fs::write(at("secret"), "secret").unwrap();
        fs::write(at("root/file"), "file").unwrap();
        fs::write(at("root/a/b/deep"), "deep").unwrap();
        for (target, name) in [
            ("file", "root/to-file"),
            ("../file", "root/a/up"),
            ("../../secret", "root/a/out"),
            ("../secret", "root/out"),
            ("/etc/passwd", "root/absolute"),
            ("b/../b/deep", "root/a/winding"),
            ("loop", "root/loop"),
            ("a", "root/to-a"),
            ("..", "root/parent"),
            ("a/b/../../../root/file", "root/out-and-in"),
        ] {
            symlink(target, at(name)).unwrap();
        }
        symlink(at("root/file"), at("root/absolute-inside")).unwrap();
        UnixListener::bind(at("root/socket")).unwrap();
        rustix::fs::mknodat(CWD, at("root/pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        let root = open_file(at("root"), OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap();
        (folder, root)
    }

    #[test]
    fn links_within_are_followed_and_links_that_leave_are_refused() {
        let (_folder, root) = tree();
        for inside in ["/file", "/to-file", "/a/up", "/a/winding", "/to-a/b/deep", "/", "/a/"] {
            assert!(open(&root, inside.as_bytes()).is_ok(), "{inside}");
        }
        for outside in [
            "/out",
            "/a/out",
            "/absolute",
            "/absolute-inside",
            "/parent/secret",
            "/out-and-in",
            "/../secret",
            "/loop",
            "/none",
        ] {
            assert!(open(&root, outside.as_bytes()).is_err(), "{outside}");
        }
    }

    #[test]
    fn what_is_no_file_is_refused_and_does_not_hang() {
        let (_folder, root) = tree();
        assert_eq!(open(&root, b"/pipe").unwrap_err(), Errno::NOENT);
        assert!(open(&root, b"/socket").is_err());
        assert_eq!(open(&root, b"/fi\0le").unwrap_err(), Errno::NOENT);
    }

    #[test]
    fn a_device_is_refused() {
        let dev = open_file(Path::new("/dev"), OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap();
        assert_eq!(open(&dev, b"/null").unwrap_err(), Errno::NOENT);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_fallback_opens_what_the_kernel_opens_and_nothing_else(
            segments in proptest::collection::vec(prop::sample::select(vec![
                "a", "b", "deep", "file", "to-file", "up", "out", "..", ".", "to-a", "parent", "winding", "absolute",
                "absolute-inside", "loop", "none", "root", "secret", "out-and-in",
            ]), 1..5),
        ) {
            let (_folder, root) = tree();
            let path = segments.join("/");
            let name = CString::new(path.clone()).unwrap();
            let identity = |file: OwnedFd| fstat(&file).map(|stat| stat.st_ino).unwrap();
            let by_kernel = kernel(&root, &name).ok().map(identity);
            let by_walk = walk::open(root.as_fd(), path.as_bytes()).ok().map(identity);
            prop_assert_eq!(by_kernel, by_walk, "{}", path);
        }
    }
}
