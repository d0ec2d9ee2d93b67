//! Changes that could cut the operator off: everything below `/etc/ssh`, and sshd's service. The one place where a step's
//! guard is decided; the judge of plans (`check/guard`) looks with rules of its own.
//!
//! The shape is always the same: arm a revert on the host, change, reload sshd, prove access by a fresh login, disarm.
//! The host itself reverts when the last step does not come in time, or when it boots in between.

use model::{
    digest::Sha256,
    op::{Guard, HostOp, Run},
    plan::{Act, Await, Change, ChangeKind, StepId},
    resource::{Kind, ResourceId},
};

use super::want;
use crate::{
    Wish,
    draft::{Draft, Work},
    host,
    site::Site,
    want::Want,
};

/// Seconds that a guard waits for the proof of access.
const WINDOW: u32 = 60;

/// Whether a want may only be changed behind a guard.
pub(super) fn is_guarded(want: &Want) -> bool {
    match want {
        Want::File { path, .. } | Want::Link { path, .. } | Want::Meta { path, .. } => is_guarded_path(path),
        Want::Service { name, .. } => is_ssh(name),
        _ => false,
    }
}

/// Whether a path may only be changed behind a guard.
pub(crate) fn is_guarded_path(path: &str) -> bool {
    path.starts_with("/etc/ssh/")
}

/// Whether a service is sshd under one of its names.
pub(super) fn is_ssh(service: &str) -> bool {
    matches!(service, "ssh" | "sshd")
}

/// The name sshd's service has on this host.
fn ssh_service(site: &Site<'_>) -> &'static str {
    let knows = |name: &str| site.stable().services.get(name).is_some_and(|fact| fact.known);
    if knows("ssh") { "ssh" } else { "sshd" }
}

/// Adds the guarded changes of one host, and says which step ends them.
pub(super) fn plan(wish: &Wish<'_>, site: &Site<'_>, wants: &[Want], draft: &mut Draft) -> Option<StepId> {
    if let Some(armed) = &site.facts.volatile.guard {
        // A run died with its guard armed, or could not prove access: what it changed is about to be taken back, so
        // nothing that is seen now will last.
        let limit = std::time::Duration::from_secs(armed.left + 15);
        let wait = Work::wait(Await::NoGuard(site.name().clone()), limit);
        return Some(draft.add_about(site.name(), "guard to end", wait, &[]));
    }
    let service = ssh_service(site);
    let changed: Vec<&Want> = wants.iter().filter(|want| !host::is_so(site, want)).collect();
    let gone = given_up(site, wants);
    let stamp = stamp(site, wants);
    let reload = stamp.is_some()
        && site.stable().services.get(service).and_then(|now| now.stamp.as_ref()) != stamp.as_ref();
    if changed.is_empty() && gone.is_empty() && !reload {
        return None;
    }
    let guard = guard(wish, site, service, &changed, &gone);
    let id = guard.id.clone();
    let armed = arm(site, guard, draft);
    let mut steps = host::diff(
        site,
        &changed.into_iter().cloned().collect::<Vec<_>>(),
        std::slice::from_ref(&armed),
        draft,
    );
    for (id, before) in gone {
        steps.push(host::restore(site, &id, &before, std::slice::from_ref(&armed), draft));
    }
    steps.push(armed);
    Some(reload_prove_disarm(id, site, service, stamp, &steps, draft))
}

/// Guarded resources that are owned and no longer wanted.
fn given_up(site: &Site<'_>, wants: &[Want]) -> Vec<(ResourceId, model::facts::Before)> {
    let Some(owned) = &site.stable().owned else { return Vec::new() };
    owned
        .entries
        .iter()
        .filter(|(id, _)| matches!(id.kind, Kind::File | Kind::Mode) && is_guarded_path(&id.name))
        .filter(|(id, _)| !wants.iter().any(|want| want.resource() == **id))
        .map(|(id, owned)| (id.clone(), owned.before.clone()))
        .collect()
}

/// What sshd should have read, when coracle places anything for it.
fn stamp(site: &Site<'_>, wants: &[Want]) -> Option<String> {
    let mut text = String::new();
    for want in wants {
        if let Want::File { path, content, .. } = want {
            text.push_str(path);
            text.push('\n');
            text.push_str(&content.redacted());
        }
    }
    let owned_before = site.owns(&ResourceId::new(Kind::File, want::SSHD));
    (!text.is_empty() || owned_before).then(|| Sha256::of(text.as_bytes()).short().to_owned())
}

fn guard(
    wish: &Wish<'_>,
    site: &Site<'_>,
    service: &str,
    changed: &[&Want],
    gone: &[(ResourceId, model::facts::Before)],
) -> Guard {
    let mut paths: Vec<String> = changed
        .iter()
        .map(|want| want.resource())
        .filter(|id| id.kind != Kind::Service)
        .map(|id| id.name)
        .collect();
    paths.extend(gone.iter().map(|(id, _)| id.name.clone()));
    paths.sort();
    paths.dedup();
    // One that is armed already under this name must be one that gives all of these back.
    let id = wish.seed.name(&format!("guard {} {}", site.name(), paths.join(" ")));
    Guard { id, init: site.stable().init, window: WINDOW, paths, service: service.to_owned() }
}

fn arm(site: &Site<'_>, guard: Guard, draft: &mut Draft) -> StepId {
    let title = format!("arm a revert of the sshd changes, {WINDOW} s");
    draft.add(
        site,
        "arm guard",
        Work::host(HostOp::ArmGuard(guard), Change::new(ChangeKind::Run, title)),
        &[],
    )
}

fn reload_prove_disarm(
    id: String,
    site: &Site<'_>,
    service: &str,
    stamp: Option<String>,
    changes: &[StepId],
    draft: &mut Draft,
) -> StepId {
    // With nothing left to read the stamp still has to change, so that sshd forgets what was taken away.
    let stamp = stamp.unwrap_or_else(|| "none".to_owned());
    let op = HostOp::SetService {
        init: site.stable().init,
        name: service.to_owned(),
        enabled: None,
        run: Run::Reloaded { stamp },
    };
    let change = Change::new(ChangeKind::Run, format!("reload {service}"));
    let reload = draft.add(site, "reload sshd", Work::host(op, change), changes);
    let prove = Work {
        act: Act::Prove,
        was: model::condition::Condition::Holds,
        own: false,
        change: Change::new(ChangeKind::Run, "log in afresh to prove access"),
    };
    let prove = draft.add(site, "prove access", prove, &[reload]);
    let op = HostOp::DisarmGuard { id };
    let change = Change::new(ChangeKind::Run, "disarm the revert");
    draft.add(site, "disarm guard", Work::host(op, change), &[prove])
}
