//! Giving up what coracle placed and nobody wants any more.

use std::collections::BTreeSet;

use model::{
    condition::Condition,
    facts::Before,
    op::HostOp,
    plan::{Change, ChangeKind, StepId},
    resource::{Kind, ResourceId},
};

use crate::{
    draft::{Draft, Work},
    site::Site,
};

/// Adds a step for every owned resource that is not in `keep`. Services first, so that none runs without its files;
/// directories last, so that they are empty.
pub(crate) fn give_up(
    site: &Site<'_>,
    keep: &BTreeSet<ResourceId>,
    needs: &[StepId],
    draft: &mut Draft,
) -> Vec<StepId> {
    let Some(owned) = &site.stable().owned else { return Vec::new() };
    let mut gone: Vec<_> = owned.entries.iter().filter(|(id, _)| !keep.contains(id)).collect();
    gone.sort_by_key(|(id, _)| (order(id.kind), *id));
    gone.into_iter().map(|(id, was)| restore(site, id, &was.before, needs, draft)).collect()
}

fn order(kind: Kind) -> u8 {
    match kind {
        Kind::Service => 0,
        Kind::File => 1,
        Kind::Mode | Kind::Package | Kind::Kernel => 2,
        Kind::Dir => 3,
    }
}

/// The step that gives one owned resource up.
pub(crate) fn restore(
    site: &Site<'_>,
    id: &ResourceId,
    before: &Before,
    needs: &[StepId],
    draft: &mut Draft,
) -> StepId {
    let title = match (id.kind, before) {
        (Kind::File, Before::Kept) => format!("file {}: what was there before comes back", id.name),
        (Kind::File, _) => file_title(&id.name),
        (Kind::Dir, _) => format!("directory {} goes when it is empty", id.name),
        (Kind::Mode, _) => format!("mode of {}: what it was before comes back", id.name),
        (Kind::Service, Before::Service { enabled, active }) => {
            let at_boot = if *enabled { "enabled" } else { "disabled" };
            format!(
                "service {} becomes {at_boot} and {} again",
                id.name,
                if *active { "runs" } else { "stopped" }
            )
        }
        (Kind::Service | Kind::Package | Kind::Kernel, _) => format!("{id} is no longer coracle's"),
    };
    let was = match (id.kind, site.stable().files.get(&id.name)) {
        (Kind::File, Some(fact)) => Condition::Path { path: id.name.clone(), was: fact.clone() },
        _ => Condition::Holds,
    };
    let work = Work::host(HostOp::Restore { resource: id.clone() }, Change::new(ChangeKind::Remove, title));
    draft.add(site, &format!("give up {id}"), work.was(was), needs)
}

fn file_title(path: &str) -> String {
    let dropped = |dir: &str| {
        path.strip_prefix(dir)
            .and_then(|name| name.strip_prefix("91-coracle-"))
            .and_then(|name| name.strip_suffix(".conf"))
    };
    if let Some(key) = dropped("/etc/sysctl.d/") {
        return format!("kernel setting {key} is no longer set (the running value stays until reboot)");
    }
    if let Some(module) = dropped("/etc/modules-load.d/") {
        return format!("kernel module {module} is no longer loaded at boot (it stays loaded until then)");
    }
    format!("file {path} goes")
}
