//! The text of `known_hosts`, and what the client's log says of keys.
//!
//! Owns: the few lines that coracle reads and writes there. Must not: touch files, or decide that a key is good.

use std::fmt::Write as _;

use model::HostKey;

/// One line: the name a key is looked up by, its kind, and the key.
pub(crate) fn line(lookup: &str, key: &HostKey) -> String {
    let mut line = lookup.to_owned();
    writeln!(line, " {} {}", key.algorithm, key.base64).expect("writing to a String cannot fail");
    line
}

/// Whether a list holds exactly this line. What else it holds may be anything.
pub(crate) fn has(list: &[u8], line: &str) -> bool {
    list.split(|byte| *byte == b'\n').any(|old| old == line.trim_end().as_bytes())
}

/// What is appended so that the line stands by itself: the last line of a list that a hand wrote may have no end.
pub(crate) fn appended(list: &[u8], line: &str) -> String {
    let gap = if list.is_empty() || list.ends_with(b"\n") { "" } else { "\n" };
    format!("{gap}{line}")
}

/// The last line: the name, the kind and the key.
pub(crate) fn last(text: &str) -> Option<(String, HostKey)> {
    let mut words = text.lines().next_back()?.split_whitespace();
    let lookup = words.next()?.to_owned();
    let key = HostKey { algorithm: words.next()?.to_owned(), base64: words.next()?.to_owned() };
    Some((lookup, key))
}

/// Algorithm and fingerprint out of `debug1: Server host key: ssh-ed25519 SHA256:…`; none where a certificate was
/// shown.
pub(crate) fn shown(log: &str) -> Option<(&str, &str)> {
    let line = log.lines().find_map(|line| line.split_once("Server host key: "))?.1;
    line.trim().split_once(' ')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_a_list_holds_a_line_that_was_added_is_found_and_the_rest_stays(list in prop::collection::vec(any::<u8>(), 0..200)) {
            let key = HostKey { algorithm: "ssh-ed25519".into(), base64: "AAAAC3Nz".into() };
            let line = line("harbor-1", &key);
            let after = [list.as_slice(), appended(&list, &line).as_bytes()].concat();
            prop_assert!(has(&after, &line) && after.starts_with(&list));
        }

        #[test]
        fn whatever_the_client_says_a_fault_is_one_line(log in "(\\PC|\n){0,200}", beside in "(\\PC|\n){0,80}") {
            let fault = crate::words::judge(&log, &beside);
            prop_assert!(!fault.detail.contains('\n'));
            let _ = (shown(&log), last(&log));
        }
    }
}
