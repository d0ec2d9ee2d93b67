//! What is shown when coracle itself is wrong.
//!
//! Owns: the panic message. Must not: show anything but the place and the words of the panic: whatever else was in
//! memory may be secret.

use std::panic;

use crate::{args::VERSION, output};

/// Replaces the default panic message.
pub(crate) fn install_hook() {
    panic::set_hook(Box::new(|info| {
        let words = info.payload_as_str().unwrap_or("no words");
        let place = info.location().map_or_else(String::new, |place| format!(" at {place}"));
        output::to_stderr(&message(words, &place));
    }));
}

fn message(words: &str, place: &str) -> String {
    format!(
        "error: a bug in coracle: {words}{place}\n \
         hint: nothing is half done that a second run would not finish; run the same command again\n \
         hint: if it happens again, please report these lines, the command, and: coracle {VERSION}, {} {}\n",
        std::env::consts::OS,
        std::env::consts::ARCH,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_says_what_to_report_and_what_to_do() {
        let text = message("index out of bounds", " at src/x.rs:1:2");
        assert!(text.starts_with("error: a bug in coracle: index out of bounds at src/x.rs:1:2\n"), "{text}");
        assert!(text.contains("please report") && text.contains(VERSION), "{text}");
    }
}
