//! What happens on one host: files, binary, tokens, and the start.

use model::{
    condition::Condition,
    facts::{Content as Seen, FileFact},
    op::{HostOp, Run},
    plan::{Change, ChangeKind, StepId, TextChange},
    secret::{Content, SecretSource},
};
use spec::cluster::{Cluster, Datastore};

use super::{
    binary::{binary, has_another, has_binary},
    config::{self, Form},
    evidence::{Evidence, Life, Place},
    object,
    wait::{await_ready, await_started},
    want,
};
use crate::{
    Wish,
    draft::{Draft, Work},
    host,
    want::{Want, root},
};

/// How a node is brought about.
pub(crate) struct Bring<'a> {
    pub form: Form,
    /// What must be done before k3s here may be started or restarted.
    pub gate: &'a [StepId],
    pub tokens: Tokens,
    /// Steps that took the remains of an earlier life away.
    pub ghost: Vec<StepId>,
}

/// Where a node's tokens come from.
pub(crate) enum Tokens {
    /// They are there.
    Have,
    /// They are made here: this node founds.
    Make,
    /// They are put there from secret replies: the token to join with, and for servers the password of agents.
    Put { join: StepId, agents: Option<StepId> },
}

/// Files and binary only, for a host that cannot be started yet.
pub(crate) fn prepare(wish: &Wish<'_>, place: &Place<'_>, draft: &mut Draft) -> Vec<StepId> {
    let after = guard_end(place, draft);
    let mut steps = host::diff(&place.site, &files(wish.cluster, place), &after, draft);
    steps.extend(binary(wish, place, &after, draft));
    steps
}

/// Whether files and binary are there, so that only joining is left.
pub(crate) fn is_prepared(wish: &Wish<'_>, place: &Place<'_>) -> bool {
    files(wish.cluster, place).iter().all(|want| host::is_so(&place.site, want)) && has_binary(wish, place)
}

/// Whether bringing this member to what is wanted takes it down for a moment.
pub(crate) fn disrupts(wish: &Wish<'_>, place: &Place<'_>) -> bool {
    place.active && (!stamp_holds(wish, place) || was_replaced(wish, place))
}

/// Adds everything for one node. The steps it returns stand for "this node is ready"; none when nothing was to do.
pub(crate) fn bring(
    wish: &Wish<'_>,
    evidence: &Evidence<'_>,
    place: &Place<'_>,
    bring: Bring<'_>,
    draft: &mut Draft,
) -> Vec<StepId> {
    let reborn = begins_anew(wish, evidence, place);
    let starts = reborn || !place.active || !is_enabled(place) || !stamp_holds(wish, place);
    // What runs, or has run here, must not find new files or another binary before its turn: it could begin anew by itself.
    let could_start = place.active || place.life == Life::Member;
    let mut before = if could_start && starts { bring.gate.to_vec() } else { Vec::new() };
    before.extend(guard_end(place, draft));
    before.extend(stale(wish, evidence, place, &before, draft));

    let mut done = host::diff(&place.site, &files(wish.cluster, place), &before, draft);
    done.extend(binary(wish, place, &before, draft));
    done.extend(tokens(place, &bring.tokens, &before, draft));
    let drop_in = put_drop_in(wish, place, &bring.form, &before, draft);
    done.extend(drop_in.clone());
    if !starts {
        // Its own start lies behind it; a change of files that it does not read again needs no wait.
        return await_ready(wish, evidence, place, &[], draft);
    }
    done.extend(before);
    done.extend(bring.gate.iter().cloned());
    done.extend(bring.ghost);
    let started = start(wish, place, &done, draft);
    let mut ready = await_started(wish, evidence, place, std::slice::from_ref(&started), draft);
    if bring.form == Form::Found && *evidence.datastore() == Datastore::Etcd {
        ready.extend(settle(wish, place, &ready, draft));
    }
    ready.extend(object::set_node(place, &ready, draft));
    ready
}

fn files(cluster: &Cluster, place: &Place<'_>) -> Vec<Want> {
    let mut wants = want::wants(cluster, place.site.node, place.site.stable().init);
    if let Some(content) = config::secrets(cluster, place.site.node) {
        wants.push(Want::File { path: config::SECRETS.into(), meta: root(0o600), content });
    }
    wants
}

/// Whether what runs is of no use any more: a kubelet does not make its Node again once that is deleted, nor does a server
/// that was removed come back; and where the binary was replaced since, nobody knows which one runs.
fn begins_anew(wish: &Wish<'_>, evidence: &Evidence<'_>, place: &Place<'_>) -> bool {
    let lost = place.is_ghost() || place.removed || place.is_forgotten(evidence);
    place.active && (lost || was_replaced(wish, place))
}

/// Whether the binary is not the one that the stamp says was started.
fn was_replaced(wish: &Wish<'_>, place: &Place<'_>) -> bool {
    stamp_holds(wish, place) && has_another(wish, place)
}

/// Before the secrets drop-in changes, and where k3s begins anew, the stamp is spoilt: it cannot know of either, and a run
/// that dies between the change and the restart must find the restart still to be done.
fn stale(
    wish: &Wish<'_>,
    evidence: &Evidence<'_>,
    place: &Place<'_>,
    needs: &[StepId],
    draft: &mut Draft,
) -> Option<StepId> {
    if !(secret_differs(wish, place) && place.active || begins_anew(wish, evidence, place)) {
        return None;
    }
    let name = want::service(place.role());
    let run = Run::Stamped { stamp: "stale".into() };
    let op = HostOp::SetService { init: place.site.stable().init, name: name.into(), enabled: None, run };
    let change = Change::new(ChangeKind::Run, format!("note that {name} must begin anew"));
    Some(draft.add(&place.site, &format!("stale {name}"), Work::host(op, change), needs))
}

fn secret_differs(wish: &Wish<'_>, place: &Place<'_>) -> bool {
    if config::secrets(wish.cluster, place.site.node).is_none() {
        return false;
    }
    !matches!(
        place.site.stable().files.get(config::SECRETS),
        Some(FileFact::File { content: Seen::Keyed { wanted: Some(true) | None, .. }, .. })
    )
}

fn stamp_holds(wish: &Wish<'_>, place: &Place<'_>) -> bool {
    let Some(wanted) = stamp(wish, place) else { return true };
    let now = place
        .site
        .stable()
        .services
        .get(want::service(place.role()))
        .and_then(|service| service.stamp.as_ref());
    now == Some(&wanted) && !secret_differs(wish, place)
}

fn is_enabled(place: &Place<'_>) -> bool {
    place.site.stable().services.get(want::service(place.role())).is_some_and(|service| service.enabled)
}

fn stamp(wish: &Wish<'_>, place: &Place<'_>) -> Option<String> {
    let stable = place.site.stable();
    config::stamp(wish, place.site.node, place.site.address.as_ref()?, stable.arch, stable.init)
}

/// k3s work begins when a guard of this host has been disarmed: the stage ends there, and the guard's window is short.
fn guard_end(place: &Place<'_>, draft: &Draft) -> Vec<StepId> {
    ["disarm guard", "guard to end"]
        .iter()
        .map(|what| StepId::new(place.name(), what))
        .filter(|id| draft.has(id))
        .collect()
}

fn tokens(place: &Place<'_>, tokens: &Tokens, needs: &[StepId], draft: &mut Draft) -> Vec<StepId> {
    match tokens {
        Tokens::Have => Vec::new(),
        Tokens::Make => [("server password", want::JOIN_TOKEN), ("agent password", want::AGENT_TOKEN)]
            .into_iter()
            .filter(|(_, path)| !place.has_file(path))
            .map(|(what, path)| {
                let op = HostOp::MakeSecret { path: path.into(), bytes: 32 };
                let change = Change::new(ChangeKind::Add, format!("make the {what} on the host ({path})"));
                draft.add(&place.site, &format!("make {what}"), Work::host(op, change).owned(), needs)
            })
            .collect(),
        Tokens::Put { join, agents } => {
            let mut steps = vec![put_token(place, want::JOIN_TOKEN, join, needs, draft)];
            steps.extend(agents.iter().map(|from| put_token(place, want::AGENT_TOKEN, from, needs, draft)));
            steps
        }
    }
}

fn put_token(place: &Place<'_>, path: &str, from: &StepId, needs: &[StepId], draft: &mut Draft) -> StepId {
    let content = Content::secret(SecretSource::Step(from.clone()));
    let op = HostOp::PutFile { path: path.into(), meta: root(0o600), content, later: None };
    let change = Change::new(ChangeKind::Add, format!("file {path} (secret)"));
    let needs: Vec<_> = needs.iter().chain([from]).cloned().collect();
    draft.add(&place.site, &format!("file {path}"), Work::host(op, change).owned(), &needs)
}

fn put_drop_in(
    wish: &Wish<'_>,
    place: &Place<'_>,
    form: &Form,
    needs: &[StepId],
    draft: &mut Draft,
) -> Option<StepId> {
    let address = place.site.address.as_ref()?;
    let text = config::drop_in(wish.cluster, place.site.node, address, form);
    let step = host::one(&place.site, &Want::file(want::DROP_IN, 0o600, text), needs, draft)?;
    if *form == Form::Found {
        let settled =
            config::drop_in(wish.cluster, place.site.node, address, &Form::Join(config::url(address.ip)));
        draft.supersede(&step, &model::digest::Sha256::of(settled.as_bytes()));
    }
    Some(step)
}

/// The founder votes: from now on it can only come back to this cluster, never found another.
fn settle(wish: &Wish<'_>, place: &Place<'_>, needs: &[StepId], draft: &mut Draft) -> Option<StepId> {
    let address = place.site.address.as_ref()?;
    let text = |form: &Form| config::drop_in(wish.cluster, place.site.node, address, form);
    let (old, new) = (text(&Form::Found), text(&Form::Join(config::url(address.ip))));
    let was = FileFact::File {
        meta: root(0o600),
        content: Seen::Digest(model::digest::Sha256::of(old.as_bytes())),
    };
    let op = HostOp::PutFile {
        path: want::DROP_IN.into(),
        meta: root(0o600),
        content: Content::text(new.clone()),
        later: None,
    };
    let mut change =
        Change::new(ChangeKind::Modify, format!("file {}: from founding to joining", want::DROP_IN));
    change.text = Some(TextChange { old: Some(old), new });
    let was = Condition::Path { path: want::DROP_IN.into(), was };
    Some(draft.add(&place.site, "settle", Work::host(op, change).was(was).owned(), needs))
}

fn start(wish: &Wish<'_>, place: &Place<'_>, needs: &[StepId], draft: &mut Draft) -> StepId {
    let name = want::service(place.role());
    let verb = if place.active { "restart" } else { "start" };
    let run = Run::Started { stamp: stamp(wish, place) };
    let op =
        HostOp::SetService { init: place.site.stable().init, name: name.into(), enabled: Some(true), run };
    let change = Change::new(ChangeKind::Run, format!("{verb} {name}"));
    draft.add(&place.site, &format!("{verb} {name}"), Work::host(op, change).owned(), needs)
}
