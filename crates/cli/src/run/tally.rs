//! What went wrong in a run and still is, as far as the exit code goes.
//!
//! Owns: which of several failures decides. A step that failed and succeeded in a later round is no failure.

use std::{cell::RefCell, collections::BTreeMap, fmt::Write as _};

use model::{
    event::{End, Event, Outcome, What},
    facts::{Facts, Seen},
    plan::StepId,
    port::Events,
};

use crate::{
    failure::{Failure, Kind},
    selection::Selection,
    ui::span,
};

/// Listens to a run for its exit code.
#[derive(Debug, Default)]
pub(crate) struct Tally(RefCell<BTreeMap<StepId, Failed>>);

/// A step that did not end well.
#[derive(Debug)]
struct Failed {
    /// Where, and what it was to do.
    what: String,
    kind: Kind,
    why: String,
    cure: &'static str,
}

impl Events for Tally {
    fn tell(&self, event: Event) {
        let What::Ended { step, host, title, outcome, .. } = event.what else { return };
        let what = format!("{host}: {title}");
        let news = match outcome {
            Outcome::Failed { failure } => {
                let kind = Kind::of_step(failure.kind);
                Some(Failed { what, kind, why: failure.detail, cure: failure.kind.cure() })
            }
            Outcome::Broken { fault } | Outcome::Dark { fault } => {
                let kind = Kind::of_cause(fault.cause);
                Some(Failed { what, kind, why: fault.to_string(), cure: fault.cause.cure() })
            }
            Outcome::Changed | Outcome::Unchanged => None,
            Outcome::Blocked { .. } | Outcome::Stopped => return,
        };
        let mut failed = self.0.borrow_mut();
        match news {
            Some(news) => failed.insert(step, news),
            None => failed.remove(&step),
        };
    }
}

impl Tally {
    /// What the end of a run means for the exit code, and what to do about it.
    pub(crate) fn judge(&self, end: &End, facts: &Facts, selection: &Selection) -> Result<(), Failure> {
        Err(match end {
            End::Converged { .. } => return Ok(()),
            End::Interrupted => Failure::shown(Kind::Interrupted),
            End::Restless { rounds } => {
                let text =
                    format!("things still change after {rounds} rounds: something else changes them back");
                Failure::new(Kind::Step, text).hint("`coracle plan` shows what is changed again and again")
            }
            End::Open { weight } => {
                let kind = Kind::of_weight(*weight).unwrap_or(Kind::Later);
                Failure::shown(darkest(facts, selection).map_or(kind, |dark| dark.max(kind)))
            }
            End::Failed { steps } => self.failed(steps, darkest(facts, selection)),
        })
    }

    fn failed(&self, steps: &[StepId], dark: Option<Kind>) -> Failure {
        let all = self.0.borrow();
        let failed: Vec<_> = steps.iter().filter_map(|step| all.get(step)).collect();
        let kind = failed.iter().map(|failed| failed.kind).chain(dark).max().unwrap_or(Kind::Step);
        let mut text = format!("{} failed", span::count(steps.len(), "step"));
        for failed in &failed {
            let _ = write!(text, "\n  {}: {}", failed.what, failed.why);
        }
        Failure::new(kind, text).cures(failed.iter().map(|failed| failed.cure))
    }
}

/// The gravest reason for which a selected host does not answer.
pub(crate) fn darkest(facts: &Facts, selection: &Selection) -> Option<Kind> {
    let hosts = facts.hosts.iter().filter(|(host, _)| selection.has(host));
    let kinds = hosts.filter_map(|(_, seen)| match seen {
        Seen::Dark(fault) => Some(Kind::of_cause(fault.cause)),
        Seen::Known(_) => None,
    });
    kinds.max()
}
