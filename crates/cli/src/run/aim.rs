//! What a run is to bring about, and the plans for it.
//!
//! Owns: what is looked at, what is planned, and that no plan is shown or carried out to which the judge objects.
//! Must not: do anything.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use model::{
    NodeName,
    facts::Facts,
    op::Survey,
    plan::Plan,
    report::{Finding, Report, Weight},
};
use plan::{Objection, Seed, Wish, destroy};

use crate::{
    failure::{Failure, Kind},
    selection::{LeftOut, Selection},
    ui::span,
};

/// What a run is to bring about.
#[derive(Debug)]
pub(crate) struct Aim<'a> {
    /// The cluster and its lock.
    pub(crate) wish: Wish<'a>,
    /// Which hosts may be changed.
    pub(crate) selection: Selection,
    /// Which way to go.
    pub(crate) goal: Goal,
    objections: RefCell<Vec<Objection>>,
    plans: Cell<u64>,
}

/// Which way to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// What the cluster file says.
    Converge,
    /// The cluster without this node.
    LeaveNode(NodeName, destroy::Leave),
    /// Hosts as they were before coracle came.
    LeaveCluster(destroy::Leave),
}

impl<'a> Aim<'a> {
    /// An aim on the selected hosts.
    pub(crate) fn new(wish: Wish<'a>, selection: Selection, goal: Goal) -> Self {
        Self { wish, selection, goal, objections: RefCell::default(), plans: Cell::new(0) }
    }

    /// What is looked at on each host. All are looked at, selected or not: founding and quorum need it.
    pub(crate) fn surveys(&self) -> BTreeMap<NodeName, Survey> {
        plan::survey(&self.wish)
    }

    /// Whose API may be asked.
    pub(crate) fn servers(&self) -> Vec<NodeName> {
        self.wish.cluster.servers().map(|node| node.name.clone()).collect()
    }

    /// Plans from these facts. Every plan draws new names: a revert that has fired is never armed again.
    pub(crate) fn plan(&self, facts: &Facts) -> (Plan, Report) {
        let nth = self.plans.replace(self.plans.get() + 1);
        let wish = Wish { seed: Seed(self.wish.seed.0.wrapping_add(nth)), ..self.wish };
        let (mut plan, mut report) = match &self.goal {
            Goal::Converge => plan::plan(&wish, facts),
            Goal::LeaveNode(node, leave) => destroy::node(&wish, facts, node, *leave),
            Goal::LeaveCluster(leave) => destroy::cluster(&wish, facts, *leave),
        };
        let left = self.selection.restrict(&mut plan, &mut report);
        report.findings.extend(left_out(&left));
        self.judged(plan, report, facts)
    }

    /// The plan, if the judge has nothing against it; else an empty one, and a report that does not call that well.
    fn judged(&self, mut plan: Plan, mut report: Report, facts: &Facts) -> (Plan, Report) {
        let objections = plan::check(&plan, facts);
        if !objections.is_empty() {
            plan.steps.clear();
            report.findings.push(Finding {
                host: None,
                code: "unsound-plan".to_owned(),
                weight: Weight::Refused,
                text: "coracle's own judge objects to this plan; nothing of it is done".to_owned(),
                cure: "see the error at the end, and please report it".to_owned(),
            });
            self.objections.borrow_mut().extend(objections);
        }
        (plan, report)
    }

    /// An error when the judge objected to any plan: that is a bug, and nothing of such a plan was done.
    pub(crate) fn sound(&self) -> Result<(), Failure> {
        let objections = self.objections.borrow();
        let Some(first) = objections.first() else { return Ok(()) };
        let text = format!("a bug in coracle: its plan breaks its own rule {}: {}", first.rule, first.text);
        Err(Failure::new(Kind::Bug, text)
            .hint("nothing of that plan was done")
            .hint("please report it with the cluster file and the output of `coracle plan -o json`"))
    }
}

/// What a selection keeps from being done, in words.
fn left_out(left: &LeftOut) -> Vec<Finding> {
    let finding = |host: Option<&NodeName>, weight, text: String| Finding {
        host: host.cloned(),
        code: "left-out".to_owned(),
        weight,
        text,
        cure: "run without --on to do everything".to_owned(),
    };
    let mut findings: Vec<_> = left
        .waiting
        .iter()
        .map(|(host, other)| {
            let text = format!("{host} cannot go on: {other} has to change first, and --on leaves it out");
            finding(Some(host), Weight::Waits, text)
        })
        .collect();
    if left.steps > 0 {
        let text = format!("{} on hosts that --on leaves out", span::count(left.steps, "step"));
        findings.push(finding(None, Weight::Note, text));
    }
    findings
}

#[cfg(test)]
mod tests {
    use model::{
        condition::Condition,
        plan::{Act, Change, ChangeKind, Step, StepId},
    };

    use super::*;

    #[test]
    fn a_plan_that_the_judge_objects_to_is_neither_done_nor_called_nothing_to_do() {
        let text = "apiVersion: coracle.dev/v1alpha1\nkind: Cluster\nmetadata: {name: harbor}\n\
                    spec: {nodes: [{name: a, ssh: root@192.168.1.11}]}\n";
        let cluster = spec::parse(text, &|_| None).clusters.remove(0);
        let lock = sim::lock_for([&cluster.kubernetes.version]);
        let wish =
            Wish { cluster: &cluster, lock: &lock, seed: Seed(1), verify: false, record_integrity: false };
        let selection = Selection::of(&cluster, &[]).expect("all hosts");
        let aim = Aim::new(wish, selection, Goal::Converge);
        let host: NodeName = "a".parse().expect("a good name");
        let unsound = Step {
            id: StepId::new(&host, "prove"),
            act: Act::Prove,
            was: Condition::Holds,
            own: false,
            needs: vec![StepId::new(&host, "a step that is nowhere")],
            change: Change::new(ChangeKind::Run, "log in afresh"),
            host,
        };
        let plan = Plan {
            version: Plan::VERSION,
            cluster: cluster.name.clone(),
            fingerprint: BTreeMap::new(),
            servers: Vec::new(),
            steps: vec![unsound],
        };
        let (plan, report) = aim.judged(plan, Report::default(), &Facts::default());
        assert!(plan.is_empty());
        assert_eq!(report.worst(), Some(Weight::Refused));
        assert_eq!(aim.sound().expect_err("the judge objects").kind, Kind::Bug);
    }
}
