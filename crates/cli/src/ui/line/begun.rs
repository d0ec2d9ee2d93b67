//! Events of planning and of setting out.

use model::{event::What, report::Weight};

use super::Line;
use crate::ui::{finding, paint::Tone, span};

pub(super) fn line(what: &What, verbose: bool) -> Option<Line> {
    match what {
        // The end of the run says why there is nothing to do.
        What::Planned { steps: 0, .. } => None,
        What::Planned { steps, hosts } => {
            let text = format!("{} on {}", span::count(*steps, "step"), span::count(hosts.len(), "host"));
            Some(Line::new(Tone::Strong, "▸", "", text))
        }
        // That a host gave no answer was told when it gave none.
        What::Found { finding } if finding.weight == Weight::Dark && finding.host.is_some() => None,
        What::Found { finding } => {
            let (tone, sign) = finding::look(finding.weight);
            let host = finding.host.as_ref().map_or("", |host| host.as_str());
            let code = format!("[{}]", finding.code);
            Some(Line::new(tone, sign, host, finding.text.as_str()).aside(code))
        }
        What::Stage { host, steps } if verbose => {
            let text = format!("sets out with {}", span::count(*steps, "step"));
            Some(Line::new(Tone::Faint, "·", host.as_str(), text))
        }
        _ => None,
    }
}
