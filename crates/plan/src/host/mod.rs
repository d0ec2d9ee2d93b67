//! What is wanted on a host against what is there.
//!
//! Owns: the comparison of single resources, and giving up owned ones that nobody wants any more. Must not: know
//! why a resource is wanted, or order hosts.

mod give_up;
mod same;

use model::{
    condition::Condition,
    facts::{FileFact, PackageTool},
    op::{HostOp, Run},
    plan::{Change, ChangeKind, StepId, TextChange},
    report::Weight,
};

pub(crate) use give_up::{give_up, restore};
pub(crate) use same::{file_is, is_so, meta_is};

use crate::{
    draft::{Draft, Work},
    finding,
    site::Site,
    want::{self, Want},
};

/// Adds the steps that bring the wants about, in the order of the wants, and says their names.
pub(crate) fn diff(site: &Site<'_>, wants: &[Want], needs: &[StepId], draft: &mut Draft) -> Vec<StepId> {
    let mut steps = Vec::new();
    steps.extend(packages(site, wants, needs, draft));
    steps.extend(modules(site, wants, needs, draft));
    for want in wants {
        steps.extend(one(site, want, needs, draft));
    }
    steps.extend(sysctls(site, wants, needs, draft));
    for want in wants {
        let after: Vec<_> = needs.iter().chain(&steps).cloned().collect();
        steps.extend(service(site, want, &after, draft));
    }
    steps
}

/// The step for a file, link or mode, when there is something to do.
pub(crate) fn one(site: &Site<'_>, want: &Want, needs: &[StepId], draft: &mut Draft) -> Option<StepId> {
    if is_so(site, want) {
        return None;
    }
    match want {
        Want::File { path, meta, content } => {
            let op = HostOp::PutFile {
                path: path.clone(),
                meta: meta.clone(),
                content: content.clone(),
                later: None,
            };
            let change = file_change(site, path, content);
            Some(put(site, path, &format!("file {path}"), op, change, needs, draft))
        }
        Want::Link { path, target } => {
            let op = HostOp::PutLink { path: path.clone(), target: target.clone() };
            let change = Change::new(kind(site, path), format!("link {path} → {target}"));
            Some(put(site, path, &format!("link {path}"), op, change, needs, draft))
        }
        Want::Meta { path, meta } => {
            let op = HostOp::SetMeta { path: path.clone(), meta: meta.clone() };
            let title = format!("mode of {path} becomes {:04o} {}:{}", meta.mode, meta.owner, meta.group);
            Some(put(
                site,
                path,
                &format!("mode {path}"),
                op,
                Change::new(ChangeKind::Modify, title),
                needs,
                draft,
            ))
        }
        _ => None,
    }
}

fn put(
    site: &Site<'_>,
    path: &str,
    what: &str,
    op: HostOp,
    change: Change,
    needs: &[StepId],
    draft: &mut Draft,
) -> StepId {
    let was = site
        .stable()
        .files
        .get(path)
        .map_or(Condition::Holds, |fact| Condition::Path { path: path.to_owned(), was: fact.clone() });
    draft.add(site, what, Work::host(op, change).was(was).owned(), needs)
}

fn kind(site: &Site<'_>, path: &str) -> ChangeKind {
    match site.stable().files.get(path) {
        None | Some(FileFact::Absent) => ChangeKind::Add,
        Some(_) => ChangeKind::Modify,
    }
}

fn file_change(site: &Site<'_>, path: &str, content: &model::secret::Content) -> Change {
    let kind = kind(site, path);
    let old = site.facts.texts.get(path).cloned();
    let text = TextChange { old, new: content.redacted() };
    Change { kind, title: format!("file {path}"), text: Some(text) }
}

/// One step for all packages that are missing: the tool's own start-up is what takes the time.
fn packages(site: &Site<'_>, wants: &[Want], needs: &[StepId], draft: &mut Draft) -> Option<StepId> {
    let names: Vec<String> = wants
        .iter()
        .filter(|want| !is_so(site, want))
        .filter_map(|want| match want {
            Want::Package { name } => Some(name.clone()),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        return None;
    }
    let Some(tool) = site.stable().packages else {
        draft.find(finding::on(
            site.name(),
            "no-package-tool",
            Weight::Waits,
            format!("{} has none of apt, dnf and apk to install {}", site.name(), names.join(", ")),
            "install them by hand, or leave them out of `os.packages` for this node",
        ));
        return None;
    };
    let word = match tool {
        PackageTool::Apt => "apt",
        PackageTool::Dnf => "dnf",
        PackageTool::Apk => "apk",
    };
    let title = format!("install {} with {word}", names.join(", "));
    let op = HostOp::InstallPackages { tool, names };
    Some(draft.add(site, "packages", Work::host(op, Change::new(ChangeKind::Add, title)), needs))
}

fn modules(site: &Site<'_>, wants: &[Want], needs: &[StepId], draft: &mut Draft) -> Option<StepId> {
    let names: Vec<String> = wants
        .iter()
        .filter(|want| !is_so(site, want))
        .filter_map(|want| match want {
            Want::Module { name } => Some(name.clone()),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        return None;
    }
    let title = format!("load kernel modules {}", names.join(", "));
    let work = Work::host(HostOp::LoadModules { names }, Change::new(ChangeKind::Add, title));
    Some(draft.add(site, "modules", work, needs))
}

fn sysctls(site: &Site<'_>, wants: &[Want], needs: &[StepId], draft: &mut Draft) -> Option<StepId> {
    let wrong: Vec<Want> = wants
        .iter()
        .filter(|want| matches!(want, Want::Sysctl { .. }) && !is_so(site, want))
        .cloned()
        .collect();
    let values = want::sysctls(&wrong);
    if values.is_empty() {
        return None;
    }
    let list: Vec<_> = values.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let change = Change::new(ChangeKind::Modify, format!("kernel settings {}", list.join(", ")));
    Some(draft.add(site, "sysctls", Work::host(HostOp::SetSysctls { values }, change), needs))
}

fn service(site: &Site<'_>, want: &Want, needs: &[StepId], draft: &mut Draft) -> Option<StepId> {
    let Want::Service { name, enabled, running } = want else { return None };
    if is_so(site, want) {
        return None;
    }
    let run = if *running { Run::Started { stamp: None } } else { Run::Stopped };
    let op =
        HostOp::SetService { init: site.stable().init, name: name.clone(), enabled: Some(*enabled), run };
    let words = match (enabled, running) {
        (true, true) => "starts at boot and runs",
        (true, false) => "starts at boot, does not run now",
        (false, true) => "runs now, does not start at boot",
        (false, false) => "is disabled and stopped",
    };
    let change = Change::new(ChangeKind::Modify, format!("service {name} {words}"));
    Some(draft.add(site, &format!("service {name}"), Work::host(op, change).owned(), needs))
}
