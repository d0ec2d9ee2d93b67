//! Many small steps in one line: `6 files, 3 links, 1 mode`.

use std::{collections::BTreeMap, time::Duration};

use model::NodeName;

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
    counts: BTreeMap<usize, usize>,
    last: Duration,
}

/// What a step is counted as, when it is a small one.
pub(super) fn kind(title: &str) -> Option<&'static str> {
    SMALL.iter().find(|(start, _)| title.starts_with(start)).map(|(_, kind)| *kind)
}

impl Heap {
    pub(super) fn add(&mut self, kind: &str, at: Duration) {
        let place = SMALL.iter().position(|(_, known)| *known == kind).unwrap_or(0);
        *self.counts.entry(place).or_default() += 1;
        self.last = at;
    }

    /// Whether its stamp is an earlier one than that of what comes now.
    pub(super) fn is_old(&self, now: Duration) -> bool {
        now.as_secs() > self.last.as_secs()
    }

    pub(super) fn line(&self, host: &NodeName) -> Line {
        let counts = self.counts.iter().map(|(place, count)| plural(*count, SMALL[*place].1));
        let text = counts.collect::<Vec<_>>().join(", ");
        Line { at: self.last, ..Line::new(Tone::Good, "✓", host.as_str(), text) }
    }
}

fn plural(count: usize, noun: &str) -> String {
    match noun {
        "directory" if count > 1 => format!("{count} directories"),
        noun => span::count(count, noun),
    }
}
