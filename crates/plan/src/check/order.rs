//! The graph itself: names, needs, references, ownership.

use std::collections::BTreeSet;

use model::{
    op::HostOp,
    plan::{Act, Plan, Step, StepId},
    secret::SecretSource,
};

use super::{Graph, Objection};

pub(super) fn judge(plan: &Plan, graph: &Graph<'_>) -> Vec<Objection> {
    let mut objections = Vec::new();
    let mut seen: BTreeSet<&StepId> = BTreeSet::new();
    for step in &plan.steps {
        if seen.contains(&step.id) {
            objections.push(object("unique-names", step, "two steps have this name"));
        }
        for need in step.needs.iter().filter(|need| !seen.contains(need)) {
            objections.push(object(
                "needs-before",
                step,
                &format!("it needs {need}, which does not stand before it"),
            ));
        }
        for from in references(step) {
            let reads = plan.step(from).is_some_and(|from| {
                matches!(&from.act, Act::Host(HostOp::ReadSecret { .. } | HostOp::MakeSecret { .. }))
            });
            if !reads || !graph.orders(from, &step.id) {
                objections.push(object(
                    "reference-before",
                    step,
                    &format!("it uses the secret of {from}, which is not read before it"),
                ));
            }
        }
        seen.insert(&step.id);
    }
    objections
}

fn references(step: &Step) -> Vec<&StepId> {
    let Act::Host(op) = &step.act else { return Vec::new() };
    let Some(content) = op.content() else { return Vec::new() };
    content
        .sources()
        .filter_map(|source| match source {
            SecretSource::Step(id) => Some(id),
            SecretSource::Operator(_) => None,
        })
        .collect()
}

fn object(rule: &'static str, step: &Step, text: &str) -> Objection {
    Objection { rule, steps: vec![step.id.clone()], text: format!("{}: {text}", step.id) }
}
