//! How a session becomes root.
//!
//! Owns: finding the way to root within the session that needs it, so that it costs no round trip. Must not: put a
//! password anywhere but on standard input, or say what a refusal means (`host` does).

use host::{Escalation, remote};

/// What sudo is told to ask with, so that it is known how often it asked, in whatever language it speaks.
const PROMPT: &str = "coracle asks for the password:";

/// What is said where there is neither sudo nor doas, in the words in which a shell would miss the former.
const NEITHER: &str = "sudo: not found, nor is doas";

/// Runs the command in `$0` as root. Like the command itself, one single-quoted word without `'`, `!`, `\` or newline,
/// which every login shell passes on unread. doas is asked first whether it would: it cannot be told from its own
/// refusal afterwards, and where both are installed either may be the one that is set up.
const CHOOSE: [&str; 3] = [
    "PATH=$PATH:/usr/local/bin:/usr/bin:/bin;export PATH;test \"$(id -u)\" = 0&&exec sh -c \"$0\";\
     command -v doas >/dev/null&&doas -n true 2>/dev/null&&exec doas -n sh -c \"$0\";\
     command -v sudo >/dev/null||{ echo ",
    " >&2;exit 1;};LC_ALL=C;export LC_ALL;exec sudo ",
    " sh -c \"$0\"",
];

/// The remote command line that runs an exec's receiver as root.
pub(crate) fn receiver(with_password: bool) -> String {
    let direct = remote(Escalation::Root);
    let word = direct.strip_prefix("exec sh -c ").expect("root's own way is a shell and one word");
    choose(with_password, word)
}

fn choose(with_password: bool, word: &str) -> String {
    let sudo = if with_password { format!("-S -k -p \"{PROMPT}\"") } else { "-n".to_owned() };
    let [begin, middle, end] = CHOOSE;
    format!("exec sh -c '{begin}{NEITHER}{middle}{sudo}{end}' {word}")
}

/// Whether sudo has asked a second time: the password was wrong, and nothing more must be sent.
pub(crate) fn asked_again(beside: &str) -> bool {
    beside.matches(PROMPT).count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_login_shell_reads_into_the_quoted_words() {
        for line in [receiver(false), receiver(true)] {
            assert_eq!(line.matches('\'').count(), 4, "{line}");
            assert!(!line.contains(['!', '\\', '\n']), "{line}");
        }
    }

    #[test]
    fn the_way_to_root_is_found_in_the_session_itself() {
        insta::assert_snapshot!(choose(false, "'true'").replace(';', ";\n"), @r#"
        exec sh -c 'PATH=$PATH:/usr/local/bin:/usr/bin:/bin;
        export PATH;
        test "$(id -u)" = 0&&exec sh -c "$0";
        command -v doas >/dev/null&&doas -n true 2>/dev/null&&exec doas -n sh -c "$0";
        command -v sudo >/dev/null||{ echo sudo: not found, nor is doas >&2;
        exit 1;
        };
        LC_ALL=C;
        export LC_ALL;
        exec sudo -n sh -c "$0"' 'true'
        "#);
    }

    #[test]
    fn a_password_that_is_asked_for_twice_was_wrong() {
        assert!(!asked_again(PROMPT));
        assert!(asked_again(&format!("{PROMPT}Sorry, try again.\n{PROMPT}")));
    }
}
