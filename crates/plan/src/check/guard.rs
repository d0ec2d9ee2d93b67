//! A way in for the operator: nothing about sshd changes outside a guard that ends with a proof.

use model::{
    op::HostOp,
    plan::{Act, Plan, Step},
};

use super::{Graph, Objection};

pub(super) fn judge(plan: &Plan, graph: &Graph<'_>) -> Vec<Objection> {
    plan.steps.iter().filter(|step| cuts_off(step)).filter_map(|step| guarded(plan, graph, step)).collect()
}

/// Whether a step could cut the operator off.
fn cuts_off(step: &Step) -> bool {
    let Act::Host(op) = &step.act else { return false };
    match op {
        HostOp::PutFile { path, .. } | HostOp::PutLink { path, .. } | HostOp::SetMeta { path, .. } => {
            is_ssh(path)
        }
        HostOp::Restore { resource } => is_ssh(&resource.name) || is_sshd(&resource.name),
        HostOp::SetService { name, .. } => is_sshd(name),
        _ => false,
    }
}

fn is_ssh(path: &str) -> bool {
    path.starts_with("/etc/ssh/")
}

fn is_sshd(service: &str) -> bool {
    service == "ssh" || service == "sshd"
}

fn guarded(plan: &Plan, graph: &Graph<'_>, step: &Step) -> Option<Objection> {
    let here = || plan.steps.iter().filter(|other| other.host == step.host);
    let arm = here()
        .find(|other| matches!(&other.act, Act::Host(HostOp::ArmGuard(guard)) if covers(&guard.paths, step)));
    let prove = here().find(|other| matches!(other.act, Act::Prove));
    let disarm = here().find(|other| matches!(other.act, Act::Host(HostOp::DisarmGuard { .. })));
    let text = match (arm, prove, disarm) {
        (Some(arm), Some(prove), Some(disarm))
            if graph.orders(&arm.id, &step.id)
                && graph.orders(&step.id, &prove.id)
                && graph.orders(&prove.id, &disarm.id) =>
        {
            return None;
        }
        (None, _, _) => "no guard that takes it back is armed before it",
        _ => "access is not proven after it and before the guard is disarmed",
    };
    Some(Objection { rule: "way-in", steps: vec![step.id.clone()], text: format!("{}: {text}", step.id) })
}

fn covers(paths: &[String], step: &Step) -> bool {
    let Act::Host(op) = &step.act else { return false };
    match op {
        HostOp::PutFile { path, .. } | HostOp::PutLink { path, .. } | HostOp::SetMeta { path, .. } => {
            paths.contains(path)
        }
        HostOp::Restore { resource } => is_sshd(&resource.name) || paths.contains(&resource.name),
        _ => true,
    }
}
