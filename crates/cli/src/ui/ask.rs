//! Questions to the person at the terminal.
//!
//! Owns: prompting and reading answers. Must not: be called where nobody can answer.

use std::io::{self, BufRead as _, Read as _};

use model::secret::Secret;
use rustix::termios::{self, LocalModes, OptionalActions, Termios};

use super::paint::{Paint, Tone};
use crate::{interrupt::Asking, output};

/// Asks for a line; an empty answer takes the default. `None` when input has ended.
pub(crate) fn line(question: &str, default: &str, paint: Paint) -> Option<String> {
    let hint = if default.is_empty() { String::new() } else { format!(" [{default}]") };
    output::to_stderr(&format!("{}{hint}: ", paint.tone(Tone::Strong, question)));
    let _asking = Asking::begin();
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer).unwrap_or(0);
    let answer = answer.trim();
    match (read, answer) {
        (0, _) => None,
        (_, "") => Some(default.to_owned()),
        (_, answer) => Some(answer.to_owned()),
    }
}

/// Asks whether to go on; anything but yes is no.
pub(crate) fn whether(question: &str, paint: Paint) -> bool {
    let answer = line(&format!("{question} (yes or no)"), "", paint);
    answer.is_some_and(|answer| matches!(answer.to_ascii_lowercase().as_str(), "yes" | "y"))
}

/// What Ctrl-C types while it is no signal.
const CTRL_C: u8 = 3;

/// Asks for a password without showing it; from a pipe, reads one line. Ctrl-C is an error, so that the terminal is
/// given back as it was.
pub(crate) fn password(question: &str, paint: Paint) -> io::Result<Secret> {
    output::to_stderr(&format!("{}: ", paint.tone(Tone::Strong, question)));
    let _silence = Silence::begin();
    let mut bytes = Vec::new();
    // Byte by byte, so that nothing of it stays in a buffer.
    for byte in io::stdin().lock().bytes() {
        match byte? {
            b'\n' | b'\r' => break,
            CTRL_C => return Err(io::ErrorKind::Interrupted.into()),
            byte => bytes.push(byte),
        }
    }
    output::to_stderr("\n");
    Ok(Secret::new(bytes))
}

/// While it lives the terminal does not show what is typed.
struct Silence(Option<Termios>);

impl Silence {
    fn begin() -> Self {
        let before = termios::tcgetattr(io::stdin()).ok();
        if let Some(mut silent) = before.clone() {
            silent.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
            // A terminal that cannot be silenced is no reason to refuse the password.
            let _ = termios::tcsetattr(io::stdin(), OptionalActions::Now, &silent);
        }
        Self(before)
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = termios::tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}
