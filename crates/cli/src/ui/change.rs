//! A plan as a diff: what appears, changes and goes, host by host.

use std::{collections::BTreeMap, fmt::Write as _};

use model::{
    NodeName,
    plan::{Change, ChangeKind, Plan, TextChange},
    report::{Report, Weight},
};
use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use super::{
    paint::{Paint, Tone},
    screen::SCHEMA,
    span,
};

/// A plan for programs.
#[derive(Debug, Serialize)]
pub(crate) struct Document<'a> {
    schema: u32,
    kind: &'static str,
    plan: &'a Plan,
    report: &'a Report,
}

impl<'a> Document<'a> {
    /// The plan and what it leaves open.
    pub(crate) fn new(plan: &'a Plan, report: &'a Report) -> Self {
        Self { schema: SCHEMA, kind: "plan", plan, report }
    }
}

/// How much of a plan is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Changes of things, with the beginnings of new files.
    Texts,
    /// Whole files, and the steps that only carry other changes too.
    All,
}

/// Lines of a changed text that are shown before it is cut.
const LONGEST_DIFF: usize = 60;
/// Lines of a new text that are shown before it is cut.
const LONGEST_TEXT: usize = 16;

/// The plan, host by host, and a line of totals. A new text that several hosts get is shown once.
pub(crate) fn show(plan: &Plan, report: &Report, depth: Depth, paint: Paint) -> String {
    let mut out = String::new();
    let mut shown: BTreeMap<&str, &NodeName> = BTreeMap::new();
    for host in plan.hosts() {
        let _ = writeln!(out, "{}", paint.tone(Tone::Name, host.as_str()));
        let steps = plan.steps.iter().filter(|step| step.host == *host);
        let changes: Vec<_> = steps.map(|step| &step.change).filter(|change| depth.shows(change)).collect();
        if changes.is_empty() {
            out.push_str("  (nothing changes here: it does what other hosts need)\n");
        }
        for change in changes {
            let (tone, sign) = look(change.kind);
            let _ = writeln!(out, "  {} {}", paint.tone(tone, sign), change.title);
            let Some(text) = &change.text else { continue };
            let first = *shown.entry(&text.new).or_insert(host);
            if first != host && text.old.is_none() && depth == Depth::Texts {
                let same = format!("      (the same as on {first})");
                let _ = writeln!(out, "{}", paint.tone(Tone::Faint, &same));
            } else {
                out.push_str(&diff(text, depth, paint));
            }
        }
        out.push('\n');
    }
    out + &totals(plan, report, paint)
}

impl Depth {
    fn shows(self, change: &Change) -> bool {
        change.kind != ChangeKind::Run || self == Self::All
    }
}

fn look(kind: ChangeKind) -> (Tone, &'static str) {
    match kind {
        ChangeKind::Add => (Tone::Good, "+"),
        ChangeKind::Modify => (Tone::Care, "~"),
        ChangeKind::Remove => (Tone::Bad, "-"),
        ChangeKind::Run => (Tone::Faint, "›"),
    }
}

/// One line: how much appears, changes and goes.
fn totals(plan: &Plan, report: &Report, paint: Paint) -> String {
    if plan.is_empty() {
        let open = report.worst().is_some_and(|weight| weight >= Weight::Waits);
        let (tone, text) = if open {
            (Tone::Care, "Nothing can be done now: see above what is open.")
        } else {
            (Tone::Good, "Nothing to do: everything is as the file says.")
        };
        return paint.tone(tone, text) + "\n";
    }
    let number = |kind| plan.steps.iter().filter(|step| step.change.kind == kind).count();
    let hosts = span::count(plan.hosts().len(), "host");
    let text = format!(
        "Plan for {}: {} to add, {} to change, {} to remove, on {hosts} ({}).",
        plan.cluster,
        number(ChangeKind::Add),
        number(ChangeKind::Modify),
        number(ChangeKind::Remove),
        span::count(plan.steps.len(), "step"),
    );
    paint.tone(Tone::Strong, &text) + "\n"
}

/// Changed lines with three lines around them; a new text from its beginning.
fn diff(text: &TextChange, depth: Depth, paint: Paint) -> String {
    let Some(old) = &text.old else {
        let lines = text.new.lines().map(|line| paint.tone(Tone::Faint, &format!("      {}", clean(line))));
        return cut(lines.collect(), LONGEST_TEXT, depth, paint);
    };
    let diff = TextDiff::from_lines(old.as_str(), text.new.as_str());
    let mut lines = Vec::new();
    for (nth, group) in diff.grouped_ops(3).iter().enumerate() {
        if nth > 0 {
            lines.push(paint.tone(Tone::Faint, "      …"));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (tone, sign) = match change.tag() {
                ChangeTag::Delete => (Tone::Bad, "-"),
                ChangeTag::Insert => (Tone::Good, "+"),
                ChangeTag::Equal => (Tone::Faint, " "),
            };
            lines.push(paint.tone(tone, &format!("      {sign} {}", clean(change.value()))));
        }
    }
    cut(lines, LONGEST_DIFF, depth, paint)
}

fn cut(mut lines: Vec<String>, longest: usize, depth: Depth, paint: Paint) -> String {
    let more = lines.len().saturating_sub(longest);
    if more > 1 && depth == Depth::Texts {
        lines.truncate(longest);
        lines.push(paint.tone(Tone::Faint, &format!("      … {more} more lines (-v shows them)")));
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

/// One line without anything that a terminal would obey.
fn clean(line: &str) -> String {
    line.trim_end_matches(['\n', '\r']).replace(|c: char| c.is_control() && c != '\t', "�")
}

#[cfg(test)]
mod tests {
    use model::{
        condition::Condition,
        plan::{Act, Step, StepId},
    };

    use super::*;

    fn step(host: &str, kind: ChangeKind, title: &str, text: Option<(Option<&str>, &str)>) -> Step {
        let host: NodeName = host.parse().expect("a good name");
        let text = text.map(|(old, new)| TextChange { old: old.map(ToOwned::to_owned), new: new.to_owned() });
        Step {
            id: StepId::new(&host, title),
            host,
            act: Act::Prove,
            was: Condition::Holds,
            own: false,
            needs: Vec::new(),
            change: Change { text, ..Change::new(kind, title) },
        }
    }

    #[test]
    fn a_plan_is_a_diff_in_which_a_text_for_several_hosts_stands_once() {
        let steps = vec![
            step("a", ChangeKind::Add, "file /etc/motd", Some((None, "hello\u{1b}[2J\n"))),
            step("a", ChangeKind::Run, "restart x", None),
            step("b", ChangeKind::Add, "file /etc/motd", Some((None, "hello\u{1b}[2J\n"))),
            step("b", ChangeKind::Modify, "file /etc/x", Some((Some("one\ntwo\n"), "one\nthree\n"))),
        ];
        let cluster = "harbor".parse().expect("a good name");
        let plan = Plan {
            version: Plan::VERSION,
            cluster,
            fingerprint: BTreeMap::new(),
            servers: Vec::new(),
            steps,
        };
        let shown = show(&plan, &Report::default(), Depth::Texts, Paint(false));
        insta::assert_snapshot!(shown, @r"
        a
          + file /etc/motd
              hello�[2J

        b
          + file /etc/motd
              (the same as on a)
          ~ file /etc/x
                one
              - two
              + three

        Plan for harbor: 2 to add, 1 to change, 0 to remove, on 2 hosts (4 steps).
        ");
    }
}
