//! Host keys: pins, fingerprints, and the list of keys that were accepted.
//!
//! Owns: the list of accepted keys (its text: `known`). Must not: decide that a key is good; a person or the cluster
//! file does.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::STANDARD, engine::general_purpose::STANDARD_NO_PAD};
use model::HostKey;
use sha2::{Digest as _, Sha256};

use crate::{known, settings::Destination};

/// The key that a host showed before anybody logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// The key, fit for `hostKey:`.
    pub key: HostKey,
    /// Its fingerprint as OpenSSH shows it: `SHA256:…`.
    pub fingerprint: String,
    /// What the user's lists say of it.
    pub standing: Standing,
    /// The name under which OpenSSH looks it up, which the user's configuration may have changed.
    pub(crate) lookup: String,
}

/// What the user's lists say of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is in them.
    Known,
    /// They know none for this host.
    Unknown,
    /// They know another one for this host.
    Changed,
}

/// The fingerprint of a key as OpenSSH shows it: `SHA256:` and the digest in base64 without padding; an error for
/// text that is no base64.
pub fn fingerprint(key: &HostKey) -> Result<String, String> {
    let blob = STANDARD.decode(&key.base64).map_err(|bad| format!("the host key is no base64: {bad}"))?;
    Ok(format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob))))
}

/// Adds an offered key that a person has accepted to a list (0600, its directory 0700), so that
/// [`Settings::known_hosts`](crate::Settings) finds it there. Exactly the key that was shown is accepted, not
/// whichever the host shows next.
pub fn accept(list: &Path, offered: &Offered) -> io::Result<()> {
    if let Some(parent) = list.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    let line = known::line(&offered.lookup, &offered.key);
    let list_now = match std::fs::read(list) {
        Err(bad) if bad.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read?,
    };
    if known::has(&list_now, &line) {
        return Ok(());
    }
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(list)?;
    file.write_all(known::appended(&list_now, &line).as_bytes())
}

/// The name a pinned key is looked up by: no other list holds it.
pub(crate) fn alias(to: &Destination) -> String {
    format!("coracle-{}", to.name)
}

/// The list that holds a pinned key alone.
pub(crate) fn pin_line(to: &Destination, key: &HostKey) -> String {
    known::line(&alias(to), key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered() -> Offered {
        let key = HostKey {
            algorithm: "ssh-ed25519".into(),
            base64: "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl".into(),
        };
        let fingerprint = fingerprint(&key).expect("base64");
        Offered { key, fingerprint, standing: Standing::Unknown, lookup: "[203.0.113.7]:2222".into() }
    }

    #[test]
    fn a_fingerprint_is_the_one_openssh_shows() {
        // The published key of github.com.
        assert_eq!(offered().fingerprint, "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU");
    }

    #[test]
    fn an_accepted_key_is_added_once_and_keeps_what_was_there() {
        let dir = tempfile::tempdir().expect("a directory");
        let list = dir.path().join("state/known_hosts");
        accept(&list, &offered()).expect("written");
        let other = Offered { lookup: "harbor-2".into(), ..offered() };
        accept(&list, &other).expect("written");
        accept(&list, &offered()).expect("nothing to write");
        let text = std::fs::read_to_string(&list).expect("there");
        let names: Vec<_> = text.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(names, ["[203.0.113.7]:2222", "harbor-2"]);
    }

    #[test]
    fn a_list_that_ends_without_a_line_end_or_is_no_text_keeps_its_lines_apart() {
        let dir = tempfile::tempdir().expect("a directory");
        let list = dir.path().join("known_hosts");
        std::fs::write(&list, b"old ssh-rsa AAAA\xff").expect("written");
        accept(&list, &offered()).expect("written");
        accept(&list, &offered()).expect("nothing to write");
        let bytes = std::fs::read(&list).expect("there");
        let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
        assert_eq!((lines[0], lines.len()), (&b"old ssh-rsa AAAA\xff"[..], 3));
        assert!(lines[1].starts_with(b"[203.0.113.7]:2222 ssh-ed25519 "));
    }
}
