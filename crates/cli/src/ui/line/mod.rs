//! Events as lines, one file per family of events.
//!
//! Owns: which events a person sees, and in which words. `None` means that the event is not worth a line.

mod begun;
mod end;
mod heap;
mod look;
mod step;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use heap::{Heap, Small};
use model::{
    NodeName,
    event::{Event, Outcome, What},
    plan::StepId,
};

use super::{
    paint::{Paint, Tone},
    span,
};

/// One line of the story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// When.
    pub(crate) at: Duration,
    /// On which host; empty for the whole cluster.
    pub(crate) host: String,
    /// The sign in front: what kind of thing happened.
    pub(crate) sign: &'static str,
    /// Tone of the sign.
    pub(crate) tone: Tone,
    /// What happened.
    pub(crate) text: String,
    /// More about it, set apart: durations, what to do.
    pub(crate) aside: String,
}

/// Turns events into lines; remembers what it has to say only once, and what it will say in one line for many.
#[derive(Debug, Default)]
pub(crate) struct Teller {
    /// Whether small things are told too.
    pub(crate) verbose: bool,
    /// Whether the first plan is shown as a whole elsewhere.
    pub(crate) shows_plan: bool,
    /// Width of the widest host name.
    pub(crate) width: usize,
    /// What each step that did not end well was to do.
    failed: BTreeMap<StepId, String>,
    seen: BTreeMap<StepId, String>,
    heaps: BTreeMap<NodeName, Heap>,
    /// Hosts of which it was told in this round that they no longer answer.
    dark: BTreeSet<NodeName>,
}

impl Teller {
    /// A teller for hosts whose longest name has `width` characters.
    pub(crate) fn new(verbose: bool, width: usize) -> Self {
        Self { verbose, width, ..Self::default() }
    }

    /// The lines for an event, if it deserves any.
    pub(crate) fn tell(&mut self, event: &Event) -> Vec<Line> {
        if let Some((host, small)) = self.small(&event.what) {
            self.heaps.entry(host).or_default().add(small, event.at);
            return Vec::new();
        }
        if let What::Round { .. } = event.what {
            self.dark.clear();
        }
        let line = match &event.what {
            What::Round { .. }
            | What::Observing { .. }
            | What::Observed { .. }
            | What::Dark { .. }
            | What::KubeObserved { .. } => look::line(&event.what, self.verbose),
            What::Planned { .. } if std::mem::take(&mut self.shows_plan) => None,
            What::Planned { .. } | What::Found { .. } | What::Stage { .. } => {
                begun::line(&event.what, self.verbose)
            }
            What::Began { .. } | What::Ended { .. } | What::Waiting { .. } | What::Sending { .. } => {
                step::line(&event.what, self)
            }
            What::Stopping | What::Fault { .. } | What::Over { .. } => end::line(&event.what),
        };
        let line = line.map(|line| Line { at: event.at, ..line });
        let mut lines = self.sweep(event, line.as_ref());
        lines.extend(line);
        lines
    }

    /// The host and the kind of thing when a step is one of the many small ones.
    fn small(&self, what: &What) -> Option<(NodeName, Small)> {
        let What::Ended { host, title, change, outcome: Outcome::Changed, took, .. } = what else {
            return None;
        };
        let small = Small::of(title, *change).filter(|_| *took < step::WORTH_TELLING && !self.verbose)?;
        Some((host.clone(), small))
    }

    /// What has heaped up and is due: on a host that has news of its own, on all before what is about the whole
    /// cluster, and wherever it is of an earlier second.
    fn sweep(&mut self, event: &Event, news: Option<&Line>) -> Vec<Line> {
        let due = |name: &NodeName, heap: &Heap| {
            let told = news.is_some_and(|line| line.host.is_empty() || line.host == name.as_str());
            told || heap.is_old(event.at)
        };
        let names: Vec<_> =
            self.heaps.iter().filter(|(name, heap)| due(name, heap)).map(|(name, _)| name.clone()).collect();
        let heaps = names.into_iter().filter_map(|name| Some((self.heaps.remove(&name)?, name)));
        let mut lines: Vec<_> = heaps.map(|(heap, name)| heap.line(&name)).collect();
        lines.sort_by_key(|line| line.at);
        lines
    }
}

impl Line {
    fn new(tone: Tone, sign: &'static str, host: &str, text: impl Into<String>) -> Self {
        Self {
            at: Duration::ZERO,
            host: host.to_owned(),
            sign,
            tone,
            text: text.into(),
            aside: String::new(),
        }
    }

    fn aside(mut self, aside: impl Into<String>) -> Self {
        self.aside = aside.into();
        self
    }

    /// The line as text: time, host, sign, words.
    pub(crate) fn show(&self, paint: Paint, width: usize) -> String {
        let stamp = paint.tone(Tone::Faint, &span::stamp(self.at));
        let host = paint.tone(Tone::Name, &format!("{:<width$}", self.host));
        let sign = paint.tone(self.tone, self.sign);
        let text = match self.tone {
            Tone::Bad | Tone::Care => paint.tone(self.tone, &self.text),
            _ => self.text.clone(),
        };
        let aside = match self.aside.as_str() {
            "" => String::new(),
            aside => paint.tone(Tone::Faint, &format!("  {aside}")),
        };
        format!("{stamp}  {host}  {sign} {text}{aside}\n")
    }
}
