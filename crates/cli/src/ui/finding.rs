//! Findings of planning.

use model::report::{Finding, Report, Weight};

use super::paint::{Paint, Tone};

/// Tone and sign of a weight.
pub(crate) fn look(weight: Weight) -> (Tone, &'static str) {
    match weight {
        Weight::Note => (Tone::Plain, "i"),
        Weight::Warning => (Tone::Care, "!"),
        Weight::Waits => (Tone::Care, "…"),
        Weight::Dark | Weight::Refused => (Tone::Bad, "✗"),
    }
}

/// All findings with their cures, as a paragraph of its own; empty when there are none.
pub(crate) fn show(report: &Report, paint: Paint) -> String {
    report.findings.iter().map(|finding| one(finding, paint)).collect()
}

fn one(finding: &Finding, paint: Paint) -> String {
    let (tone, sign) = look(finding.weight);
    let host = match &finding.host {
        Some(host) if !finding.text.starts_with(host.as_str()) => {
            format!("{}: ", paint.tone(Tone::Name, host.as_str()))
        }
        _ => String::new(),
    };
    let code = paint.tone(Tone::Faint, &format!("[{}]", finding.code));
    let cure = match finding.cure.as_str() {
        "" => String::new(),
        cure => format!("      {}\n", paint.tone(Tone::Faint, &format!("→ {cure}"))),
    };
    format!("  {} {host}{} {code}\n{cure}", paint.tone(tone, sign), finding.text)
}
