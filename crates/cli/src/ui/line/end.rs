//! Events of ending, and what the rehearsal does to its world.

use model::event::{End, What};

use super::Line;
use crate::ui::{paint::Tone, span};

pub(super) fn line(what: &What) -> Option<Line> {
    match what {
        What::Stopping => Some(Line::new(Tone::Care, "■", "", "stops; running steps are let end")),
        What::Fault { text } => Some(Line::new(Tone::Care, "⚡", "", text.as_str())),
        What::Over { end } => Some(over(end)),
        _ => None,
    }
}

fn over(end: &End) -> Line {
    match end {
        End::Converged { changed: 0, .. } => {
            Line::new(Tone::Good, "✓", "", "nothing to do, and nothing was changed")
        }
        End::Converged { done, rounds, .. } => {
            let text = format!("converged: {} done, nothing left to do", span::count(*done, "step"));
            Line::new(Tone::Good, "✓", "", text).aside(span::count(*rounds as usize, "round"))
        }
        End::Open { .. } => Line::new(Tone::Care, "■", "", "ends with something left open"),
        End::Failed { steps } => {
            Line::new(Tone::Bad, "✗", "", format!("{} failed", span::count(steps.len(), "step")))
        }
        End::Interrupted => Line::new(Tone::Care, "■", "", "stopped; the same command goes on from here"),
        End::Restless { rounds } => {
            Line::new(Tone::Bad, "✗", "", format!("still changing things after {rounds} rounds"))
        }
    }
}
