//! Keeps secrets out of words that come from elsewhere.
//!
//! Owns: the secrets this run has touched, and striking them out of details that hosts and APIs report. Adaptors
//! must not put secrets there in the first place; this is the second fence.

use model::{fault::HostFault, reply::Failure, secret::Secret};

/// Shorter lines are too likely to be ordinary words.
const SHORTEST: usize = 6;

/// The secrets this run has touched.
#[derive(Default)]
pub(crate) struct Hush(Vec<Secret>);

impl Hush {
    /// Remembers a secret for as long as the run lasts.
    pub(crate) fn learn(&mut self, secret: &Secret) {
        if !self.0.contains(secret) {
            self.0.push(secret.clone());
        }
    }

    /// The text with every line of every known secret struck out.
    pub(crate) fn text(&self, text: String) -> String {
        self.0.iter().filter_map(|secret| std::str::from_utf8(secret.expose()).ok()).fold(text, strike)
    }

    /// The failure with a clean detail.
    pub(crate) fn failure(&self, failure: Failure) -> Failure {
        Failure { kind: failure.kind, detail: self.text(failure.detail) }
    }

    /// The fault with a clean detail.
    pub(crate) fn fault(&self, fault: HostFault) -> HostFault {
        HostFault { cause: fault.cause, detail: self.text(fault.detail) }
    }
}

fn strike(text: String, secret: &str) -> String {
    let lines = secret.lines().map(str::trim).filter(|line| line.len() >= SHORTEST);
    lines.fold(text, |text, line| if text.contains(line) { text.replace(line, "‹secret›") } else { text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_a_secret_is_struck_out() {
        let mut hush = Hush::default();
        hush.learn(&Secret::new(b"-----BEGIN\nabcdefgh\nend\n".to_vec()));
        let heard = "line 2: abcdefgh: not found, end".to_owned();
        assert_eq!(hush.text(heard), "line 2: ‹secret›: not found, end");
    }
}
