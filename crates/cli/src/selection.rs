//! `--on`: some hosts instead of all.
//!
//! Owns: the patterns and what they leave of a plan. Must not: hide anything that was left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    str::FromStr,
};

use model::{
    NodeName,
    plan::{Act, Plan, Step, StepId},
    report::Report,
};
use spec::cluster::{Cluster, Node};

use crate::failure::Failure;

/// One pattern of `--on`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// A name, in which `*` stands for any text and `?` for one character.
    Name(String),
    /// A label of the cluster file, with any value or this one. `role` is a label too.
    Label(String, Option<String>),
}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix('@').map(|label| label.split_once('=')) {
            None if text.is_empty() => Err("a host pattern cannot be empty".into()),
            Some(None) if text.len() == 1 => Err("write @label or @label=value".into()),
            None => Ok(Self::Name(text.to_owned())),
            Some(None) => Ok(Self::Label(text[1..].to_owned(), None)),
            Some(Some((key, value))) => Ok(Self::Label(key.to_owned(), Some(value.to_owned()))),
        }
    }
}

impl Pattern {
    fn covers(&self, node: &Node) -> bool {
        match self {
            Self::Name(pattern) => glob(pattern.as_bytes(), node.name.as_str().as_bytes()),
            Self::Label(key, value) => {
                let role = (key == "role").then(|| node.role.as_str());
                let has = node.labels.get(key).map(String::as_str).or(role);
                has.is_some_and(|has| value.as_deref().is_none_or(|value| value == has))
            }
        }
    }
}

/// `*` and `?` only; names have no other characters that a pattern could mean.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some((b'*', rest)) => (0..=name.len()).any(|skip| glob(rest, &name[skip..])),
        Some((b'?', rest)) => name.split_first().is_some_and(|(_, name)| glob(rest, name)),
        Some((byte, rest)) => {
            name.split_first().is_some_and(|(first, name)| first == byte && glob(rest, name))
        }
    }
}

/// The hosts that a run may change.
#[derive(Clone, Debug)]
pub(crate) struct Selection(Option<BTreeSet<NodeName>>);

impl Selection {
    /// The hosts of a cluster that any pattern covers; all without patterns.
    pub(crate) fn of(cluster: &Cluster, patterns: &[Pattern]) -> Result<Self, Failure> {
        if patterns.is_empty() {
            return Ok(Self(None));
        }
        let mut chosen = BTreeSet::new();
        for pattern in patterns {
            let covered: Vec<_> = cluster.nodes.iter().filter(|node| pattern.covers(node)).collect();
            if covered.is_empty() {
                let names: Vec<_> = cluster.nodes.iter().map(|node| node.name.as_str()).collect();
                return Err(Failure::usage(format!("--on {pattern} matches no host of {}", cluster.name))
                    .hint(format!("its hosts are {}", names.join(", "))));
            }
            chosen.extend(covered.into_iter().map(|node| node.name.clone()));
        }
        Ok(Self(Some(chosen)))
    }

    /// Whether this host is selected.
    pub(crate) fn has(&self, host: &NodeName) -> bool {
        self.0.as_ref().is_none_or(|chosen| chosen.contains(host))
    }

    /// Whether everything is selected.
    pub(crate) fn is_all(&self) -> bool {
        self.0.is_none()
    }

    /// Takes out the steps that change other hosts and what needs them, and findings about other hosts. What only looks
    /// or waits there stays as far as a selected host needs it.
    pub(crate) fn restrict(&self, plan: &mut Plan, report: &mut Report) -> LeftOut {
        if self.is_all() {
            return LeftOut::default();
        }
        report.findings.retain(|finding| finding.host.as_ref().is_none_or(|host| self.has(host)));
        let mut gone: BTreeMap<StepId, NodeName> = BTreeMap::new();
        let mut left = LeftOut::default();
        // Every step stands behind all it needs, so that one pass finds whatever needs a step that is gone.
        plan.steps.retain(|step| {
            let for_want_of = step.needs.iter().find_map(|need| gone.get(need)).cloned();
            let ours = self.has(&step.host);
            let why = for_want_of.or_else(|| (!ours && !only_looks(step)).then(|| step.host.clone()));
            let Some(why) = why else { return true };
            gone.insert(step.id.clone(), why.clone());
            if ours {
                left.waiting.insert(step.host.clone(), why);
            } else {
                left.steps += 1;
            }
            false
        });
        let mut needed: BTreeSet<StepId> = BTreeSet::new();
        for step in plan.steps.iter().rev() {
            if self.has(&step.host) || needed.contains(&step.id) {
                needed.extend(step.needs.iter().cloned());
                needed.insert(step.id.clone());
            }
        }
        plan.steps.retain(|step| needed.contains(&step.id));
        left
    }
}

/// Whether a step changes nothing.
fn only_looks(step: &Step) -> bool {
    match &step.act {
        Act::Host(op) => op.only_reads(),
        Act::Wait { .. } => true,
        Act::Kube(_) | Act::Prove => false,
    }
}

/// What a selection keeps from being done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Steps on hosts that are not selected.
    pub(crate) steps: usize,
    /// Selected hosts that have to wait, each with a host that is not selected and must change before.
    pub(crate) waiting: BTreeMap<NodeName, NodeName>,
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(name) => out.write_str(name),
            Self::Label(key, None) => write!(out, "@{key}"),
            Self::Label(key, Some(value)) => write!(out, "@{key}={value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use model::{
        condition::Condition,
        op::HostOp,
        plan::{Await, Change, ChangeKind},
    };

    use super::*;

    fn step(host: &str, what: &str, act: Act, needs: &[&Step]) -> Step {
        let host: NodeName = host.parse().expect("a name");
        Step {
            id: StepId::new(&host, what),
            host,
            act,
            was: Condition::Holds,
            own: false,
            needs: needs.iter().map(|need| need.id.clone()).collect(),
            change: Change::new(ChangeKind::Run, what),
        }
    }

    fn restricted(steps: Vec<Step>) -> (Vec<String>, LeftOut) {
        let cluster = "harbor".parse().expect("a name");
        let mut plan = Plan { version: 1, cluster, fingerprint: BTreeMap::new(), servers: Vec::new(), steps };
        let only = Selection(Some(BTreeSet::from(["b".parse().expect("a name")])));
        let left = only.restrict(&mut plan, &mut Report::default());
        (plan.steps.iter().map(|step| step.id.to_string()).collect(), left)
    }

    #[test]
    fn what_only_looks_on_another_host_stays_when_a_selected_host_needs_it() {
        let read = step("a", "read token", Act::Host(HostOp::ReadSecret { path: "/t".into() }), &[]);
        let idle = step("a", "read other", Act::Host(HostOp::ReadSecret { path: "/o".into() }), &[]);
        let kill = Act::Host(HostOp::KillK3s);
        let join = step("b", "join", kill.clone(), &[&read]);
        let (steps, left) = restricted(vec![read, idle, join, step("a", "change", kill, &[])]);
        assert_eq!(steps, ["a: read token", "b: join"]);
        assert_eq!((left.steps, left.waiting.len()), (1, 0));
    }

    #[test]
    fn a_selected_host_that_needs_a_change_on_another_waits_and_says_for_whom() {
        let change = step("a", "found", Act::Host(HostOp::KillK3s), &[]);
        let until = Await::ApiReady("a".parse().expect("a name"));
        let wait = step("a", "ready", Act::Wait { until, limit: Duration::ZERO }, &[&change]);
        let join = step("b", "join", Act::Host(HostOp::KillK3s), &[&wait]);
        let (steps, left) = restricted(vec![change, wait, join]);
        assert_eq!(steps, [""; 0]);
        let waiting: Vec<_> = left.waiting.iter().map(|(host, why)| format!("{host} for {why}")).collect();
        assert_eq!(waiting, ["b for a"]);
    }

    #[test]
    fn stars_and_question_marks_stand_for_text_and_a_character() {
        let matches = |pattern: &str, name: &str| glob(pattern.as_bytes(), name.as_bytes());
        assert!(matches("harbor-*", "harbor-1") && matches("*", "") && matches("h*-?", "harbor-1"));
        assert!(!matches("harbor-?", "harbor-12") && !matches("harbor", "harbor-1"));
    }

    #[test]
    fn a_pattern_is_written_as_it_was_read() {
        for text in ["harbor-1", "h*", "@zone", "@zone=home", "@zone="] {
            assert_eq!(text.parse::<Pattern>().map(|pattern| pattern.to_string()), Ok(text.to_owned()));
        }
        assert!("@".parse::<Pattern>().is_err() && "".parse::<Pattern>().is_err());
    }
}
