//! Events of observing.

use model::event::What;

use super::Line;
use crate::ui::{paint::Tone, span};

pub(super) fn line(what: &What, verbose: bool) -> Option<Line> {
    match what {
        What::Round { round } if *round > 1 => {
            Some(Line::new(Tone::Faint, "↻", "", format!("looks again (round {round})")))
        }
        What::Observing { host } if verbose => Some(Line::new(Tone::Faint, "·", host.as_str(), "looks")),
        What::Observed { host } if verbose => Some(Line::new(Tone::Faint, "·", host.as_str(), "answered")),
        // What to do about it is said once, at the end.
        What::Dark { host, fault } => Some(Line::new(Tone::Bad, "✗", host.as_str(), fault.to_string())),
        What::KubeObserved { ready, nodes } if verbose => {
            let text = format!("{} ready, {}", span::count(*ready, "API"), span::count(*nodes, "node"));
            Some(Line::new(Tone::Faint, "·", "", text))
        }
        _ => None,
    }
}
