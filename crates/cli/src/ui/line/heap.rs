//! Many small steps in one line: `6 files, 3 links, 1 mode; 2 files removed`.

use std::{collections::BTreeMap, time::Duration};

use model::{NodeName, plan::ChangeKind};

use super::Line;
use crate::ui::{paint::Tone, span};

/// Words that titles of small steps begin with, and what each is counted as.
const SMALL: [(&str, &str); 7] = [
    ("file ", "file"),
    ("link ", "link"),
    ("directory ", "directory"),
    ("mode of ", "mode"),
    ("kernel setting", "kernel setting"),
    ("kernel module", "kernel module"),
    ("make the ", "secret"),
];

/// Small steps of one host that have not been told yet.
#[derive(Debug, Default)]
pub(super) struct Heap {
    counts: BTreeMap<Small, usize>,
    last: Duration,
}

/// What a small step is counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Small {
    fate: Fate,
    place: usize,
}

/// What becomes of the thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Placed,
    Restored,
    Removed,
}

impl Small {
    /// What a step of this title is counted as, when it is a small one.
    pub(super) fn of(title: &str, change: ChangeKind) -> Option<Self> {
        let place = SMALL.iter().position(|(start, _)| title.starts_with(start))?;
        let fate = match change {
            ChangeKind::Remove if title.ends_with("comes back") => Fate::Restored,
            ChangeKind::Remove => Fate::Removed,
            ChangeKind::Add | ChangeKind::Modify | ChangeKind::Run => Fate::Placed,
        };
        Some(Self { fate, place })
    }
}

impl Heap {
    pub(super) fn add(&mut self, small: Small, at: Duration) {
        *self.counts.entry(small).or_default() += 1;
        self.last = at;
    }

    /// Whether its stamp is an earlier one than that of what comes now.
    pub(super) fn is_old(&self, now: Duration) -> bool {
        now.as_secs() > self.last.as_secs()
    }

    pub(super) fn line(&self, host: &NodeName) -> Line {
        let fates = [(Fate::Placed, ""), (Fate::Restored, " restored"), (Fate::Removed, " removed")];
        let text = fates.into_iter().filter_map(|(fate, word)| self.words(fate).map(|words| words + word));
        let text = text.collect::<Vec<_>>().join("; ");
        Line { at: self.last, ..Line::new(Tone::Good, "✓", host.as_str(), text) }
    }

    fn words(&self, fate: Fate) -> Option<String> {
        let counts = self.counts.iter().filter(|(small, _)| small.fate == fate);
        let words: Vec<_> = counts.map(|(small, count)| plural(*count, SMALL[small.place].1)).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

fn plural(count: usize, noun: &str) -> String {
    match noun {
        "directory" if count > 1 => format!("{count} directories"),
        noun => span::count(count, noun),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_and_what_comes_back_is_not_counted_as_placed() {
        let mut heap = Heap::default();
        for (title, change) in [
            ("file /etc/motd", ChangeKind::Add),
            ("file /etc/a goes", ChangeKind::Remove),
            ("file /etc/b goes", ChangeKind::Remove),
            ("file /etc/c: what was there before comes back", ChangeKind::Remove),
            ("directory /etc/d goes when it is empty", ChangeKind::Remove),
        ] {
            heap.add(Small::of(title, change).expect("a small step"), Duration::ZERO);
        }
        let host = "harbor-1".parse().expect("a good name");
        assert_eq!(heap.line(&host).text, "1 file; 1 file restored; 2 files, 1 directory removed");
        assert_eq!(Small::of("start k3s", ChangeKind::Run), None);
    }
}
