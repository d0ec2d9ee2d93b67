//! Lines of the protocol: begins, ends, faults, evidence.

use model::{
    reply::{Failure, FailureKind, Said, StepReply},
    secret::Secret,
};

use super::{Decoder, Open, fault_of};
use crate::encode::unescape;

/// Whether an end is said in one line.
pub(super) fn has_no_text(said: &[u8]) -> bool {
    let word = said.split(|byte| *byte == b' ').nth(2).unwrap_or_default();
    !matches!(word, b"failed" | b"secret" | b"locked")
}

impl Decoder {
    pub(super) fn act(&mut self, line: &Open, heard: &mut dyn FnMut(Said)) {
        let head = String::from_utf8_lossy(&line.head).into_owned();
        match head.split_once(' ').unwrap_or((head.as_str(), "")) {
            ("b", index) => self.begin(index, heard),
            ("e", _) => self.ended_line(line, heard),
            ("o", _) if self.observing() => self.note(line),
            ("fault", _) => {
                let (word, detail) = text_after(line, 2);
                self.fault = Some(fault_of(&word[1], String::from_utf8_lossy(&detail).into_owned()));
            }
            ("done", "") => self.done = true,
            (word, _) => self.garble(format!("the word {word:?} is not known here")),
        }
    }

    fn observing(&self) -> bool {
        !self.ended && self.current.is_some_and(|index| self.steps[index].1.is_some())
    }

    fn note(&mut self, line: &Open) {
        self.held += line.head.len() + line.text.len() + super::LINE_COST;
        if self.held > super::TEXT {
            return self.garble("an observation is too long");
        }
        let rest = line.head.get(2..).unwrap_or_default();
        let space = rest.iter().position(|byte| *byte == b' ').unwrap_or(rest.len());
        let word = String::from_utf8_lossy(&rest[..space]).into_owned();
        let first = rest.get(space + 1..).unwrap_or_default();
        self.evidence.take(&word, [first, line.text.as_slice()].concat());
    }

    fn ended_line(&mut self, line: &Open, heard: &mut dyn FnMut(Said)) {
        let head = String::from_utf8_lossy(&line.head).into_owned();
        let words: Vec<&str> = head.split(' ').collect();
        let current = self.current.map(|index| index.to_string());
        if words.get(1).copied() != current.as_deref() {
            return self.garble("a step ended that had not begun");
        }
        let reply = match words.get(2..).unwrap_or_default() {
            ["unchanged"] => Some(StepReply::Unchanged),
            ["changed"] => Some(StepReply::Changed),
            ["received", size] => size.parse().ok().map(StepReply::Received),
            ["observed"] => return self.observed(heard),
            ["secret", ..] => {
                let (_, text) = text_after(line, 3);
                hex(&text).map(|secret| StepReply::Secret { changed: false, secret })
            }
            ["failed", kind, ..] => {
                let (_, text) = text_after(line, 4);
                failure_kind(kind).map(|kind| StepReply::Failed(Failure::new(kind, detail(&text))))
            }
            ["locked", left, ..] => {
                let (_, holder) = text_after(line, 5);
                let holder = holder_words(&holder);
                let text = format!("{holder}; its lease ends in {left} s");
                Some(StepReply::Failed(Failure::new(FailureKind::Locked, text)))
            }
            _ => None,
        };
        match reply {
            Some(reply) => self.end(reply, heard),
            None => self.garble("a step ended in a way that is not known"),
        }
    }

    fn observed(&mut self, heard: &mut dyn FnMut(Said)) {
        let evidence = std::mem::take(&mut self.evidence);
        let survey = self.current.and_then(|index| self.steps[index].1.clone());
        match survey.ok_or("nothing was to be observed".to_owned()).and_then(|survey| evidence.read(&survey))
        {
            Ok((facts, kubeconfig)) => self.end(StepReply::Observed(facts, kubeconfig), heard),
            Err(why) => self.garble(format!("the observation cannot be read: {why}")),
        }
    }
}

/// The first words of a line, and the text behind them with everything that went on with it.
fn text_after(line: &Open, words: usize) -> (Vec<String>, Vec<u8>) {
    let mut parts = line.head.splitn(words + 1, |byte| *byte == b' ');
    let mut first: Vec<String> =
        parts.by_ref().take(words).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    first.resize(words, String::new());
    (first, [parts.next().unwrap_or_default(), &line.text].concat())
}

fn failure_kind(word: &str) -> Option<FailureKind> {
    FailureKind::ALL.iter().find(|(_, known)| *known == word).map(|(kind, _)| *kind)
}

/// What people read: without the credentials that a URL may carry, without control characters.
fn detail(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut words = Vec::new();
    for word in text.trim().split(' ') {
        words.push(match (word.find("://"), word.find('@')) {
            (Some(start), Some(at)) if start < at && !word[start + 3..at].contains('/') => {
                format!("{}://…{}", &word[..start], &word[at..])
            }
            _ => word.to_owned(),
        });
    }
    words.join(" ").replace(|c: char| c.is_control() && c != '\n', " ")
}

/// `USER MACHINE PID STARTED`, escaped, for people.
fn holder_words(field: &[u8]) -> String {
    let words: Vec<_> = field
        .split(|byte| *byte == b' ')
        .map(|word| String::from_utf8_lossy(&unescape(word)).into_owned())
        .collect();
    match words.as_slice() {
        [user, machine, pid, _] => {
            format!("the cluster is locked: {user}@{machine} works on it (process {pid})")
        }
        _ => "the cluster is locked: another run works on it".to_owned(),
    }
}

/// Bytes written as hex digits with blanks between.
pub(super) fn hex(text: &[u8]) -> Option<Secret> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    for byte in text.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        let digit = char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())?;
        match high.take() {
            None => high = Some(digit),
            Some(high) => bytes.push(high << 4 | digit),
        }
    }
    high.is_none().then(|| Secret::new(bytes))
}
