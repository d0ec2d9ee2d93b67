//! Events of steps.

use std::time::Duration;

use model::event::{Outcome, What};

use super::{Line, Teller};
use crate::ui::{paint::Tone, span};

/// Shorter steps are told without their duration.
pub(super) const WORTH_TELLING: Duration = Duration::from_secs(1);

pub(super) fn line(what: &What, teller: &mut Teller) -> Option<Line> {
    match what {
        What::Began { host, title, .. } => {
            teller.verbose.then(|| Line::new(Tone::Faint, "·", host.as_str(), title.as_str()))
        }
        What::Ended { step, host, title, outcome, took, .. } => {
            teller.seen.remove(step);
            if !outcome.is_good() {
                teller.failed.insert(step.clone(), format!("{host}: {title}"));
            }
            if let Outcome::Dark { fault } = outcome
                && teller.dark.insert(host.clone())
            {
                let text = format!("no longer answers: {fault}");
                return Some(Line::new(Tone::Bad, "✗", host.as_str(), text));
            }
            ended(host.as_str(), title, outcome, *took, teller)
        }
        What::Waiting { step, seen, .. } => {
            let known = teller.seen.insert(step.clone(), seen.clone());
            let news = known.as_ref() != Some(seen);
            let host = step.as_str().split_once(": ").map_or("", |(host, _)| host);
            news.then(|| Line::new(Tone::Faint, "…", host, short(seen)))
        }
        _ => None,
    }
}

fn ended(host: &str, title: &str, outcome: &Outcome, took: Duration, teller: &Teller) -> Option<Line> {
    let verbose = teller.verbose;
    // What was waited for has come true: that it was waited for is no news any more.
    let title = if outcome.is_good() { title.strip_prefix("wait until ").unwrap_or(title) } else { title };
    let slow = if took >= WORTH_TELLING { span::took(took) } else { String::new() };
    match outcome {
        Outcome::Changed => Some(Line::new(Tone::Good, "✓", host, title).aside(slow)),
        // Waiting changes nothing, but that something has come true is news.
        Outcome::Unchanged if took >= WORTH_TELLING => {
            Some(Line::new(Tone::Good, "✓", host, title).aside(slow))
        }
        Outcome::Unchanged => verbose.then(|| Line::new(Tone::Faint, "=", host, title)),
        Outcome::Failed { failure } => {
            let text = format!("{title}: {}", failure.detail);
            Some(Line::new(Tone::Bad, "✗", host, text))
        }
        Outcome::Broken { fault } => {
            let text = format!("{title}: {fault}");
            Some(Line::new(Tone::Bad, "✗", host, text))
        }
        Outcome::Blocked { by } => {
            let needed = teller.failed.get(by).map_or(by.as_str(), String::as_str);
            verbose.then(|| Line::new(Tone::Faint, "-", host, title).aside(format!("needs {needed}")))
        }
        Outcome::Dark { .. } | Outcome::Stopped => {
            verbose.then(|| Line::new(Tone::Faint, "-", host, title).aside("not begun"))
        }
    }
}

/// The beginning of what is seen: servers list everything that is not ready yet.
fn short(seen: &str) -> String {
    const LONGEST: usize = 110;
    match seen.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &seen[..end]),
        None => seen.to_owned(),
    }
}
