//! The operating-system domain: the baseline, what k3s needs of the kernel, and the user's own additions.

mod guarded;
mod want;

use std::collections::BTreeSet;

use model::{
    condition::Condition,
    facts::ServiceFact,
    op::{HostOp, Run},
    plan::{Change, ChangeKind, StepId},
    resource::ResourceId,
};

use guarded::is_guarded;
pub(crate) use guarded::is_guarded_path;
pub(crate) use want::{RESOLV_CONF, restarted, wants};

use crate::{
    Wish,
    draft::{Draft, Work},
    host, k3s,
    site::Site,
    want::Want,
};

/// Adds everything the domain has to do on one host.
pub(crate) fn plan(wish: &Wish<'_>, site: &Site<'_>, draft: &mut Draft) {
    let all = wants(wish.cluster, site.node, site.stable().init, site.stable().sshd_dropins);
    let (guarded, plain): (Vec<Want>, Vec<Want>) = all.into_iter().partition(is_guarded);
    let stamps = want::stamps(wish.cluster, site);
    let stale = forget_stamps(site, &stamps, draft);
    let mut done = host::diff(site, &plain, &stale, draft);
    restarts(site, &stamps, &mut done, draft);

    let mut keep: BTreeSet<ResourceId> = plain.iter().chain(&guarded).map(Want::resource).collect();
    keep.extend(k3s::resources(wish.cluster, site));
    host::give_up(site, &keep_guarded(site, keep), &done, draft);

    integrity(wish, site, draft);
    guarded::plan(wish, site, &guarded, draft);
}

/// Gives up what only the guarded domain may, and says which step ends it.
pub(crate) fn leave(wish: &Wish<'_>, site: &Site<'_>, draft: &mut Draft) -> Option<StepId> {
    guarded::plan(wish, site, &[], draft)
}

/// Owned paths that only the guarded domain may give up.
fn keep_guarded(site: &Site<'_>, mut keep: BTreeSet<ResourceId>) -> BTreeSet<ResourceId> {
    if let Some(owned) = &site.stable().owned {
        keep.extend(owned.entries.keys().filter(|id| guarded::is_guarded_path(&id.name)).cloned());
    }
    keep
}

/// Before a secret file changes, the stamp of the service that reads it is spoilt: a stamp cannot know a secret, and a
/// run that dies between the change and the restart must find the restart still to be done.
fn forget_stamps(site: &Site<'_>, stamps: &[want::Stamp], draft: &mut Draft) -> Vec<StepId> {
    let stale = stamps.iter().filter(|stamp| stamp.secret_differs && !guarded::is_ssh(&stamp.service));
    stale
        .map(|stamp| {
            let run = Run::Stamped { stamp: "stale".to_owned() };
            let name = stamp.service.clone();
            let change = Change::new(ChangeKind::Run, format!("note that {name} must read a secret anew"));
            let op = HostOp::SetService { init: site.stable().init, name, enabled: None, run };
            draft.add(site, &format!("stale {}", stamp.service), Work::host(op, change), &[])
        })
        .collect()
}

/// Restarts services whose files changed since coracle last started them.
fn restarts(site: &Site<'_>, stamps: &[want::Stamp], done: &mut Vec<StepId>, draft: &mut Draft) {
    for stamp in stamps.iter().filter(|stamp| !guarded::is_ssh(&stamp.service)) {
        let now = site.stable().services.get(&stamp.service).cloned().unwrap_or_default();
        if now.stamp.as_ref() != Some(&stamp.text) || stamp.secret_differs {
            done.push(restart(site, stamp, &now, done, draft));
        }
    }
}

fn restart(
    site: &Site<'_>,
    stamp: &want::Stamp,
    now: &ServiceFact,
    needs: &[StepId],
    draft: &mut Draft,
) -> StepId {
    let name = &stamp.service;
    let verb = if now.active { "restart" } else { "start" };
    let change = Change::new(ChangeKind::Run, format!("{verb} service {name}: files it reads have changed"));
    let run = Run::Started { stamp: Some(stamp.text.clone()) };
    let op = HostOp::SetService { init: site.stable().init, name: name.clone(), enabled: None, run };
    draft.add(site, &format!("restart {name}"), Work::host(op, change), needs)
}

fn integrity(wish: &Wish<'_>, site: &Site<'_>, draft: &mut Draft) {
    let paths = want::integrity_paths(wish.cluster);
    if paths.is_empty() {
        return;
    }
    let recorded = &site.stable().integrity;
    let complete = paths.iter().all(|path| recorded.contains_key(path));
    let drifted = recorded.values().any(|fact| fact.recorded != fact.now);
    if complete && !(wish.record_integrity && drifted) {
        return;
    }
    let change = Change::new(ChangeKind::Run, format!("record the digests of {} system files", paths.len()));
    let work = Work::host(HostOp::RecordIntegrity { paths }, change).was(Condition::Holds);
    draft.add(site, "integrity record", work, &[]);
}
