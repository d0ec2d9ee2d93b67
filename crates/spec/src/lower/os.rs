//! The `os` section. Entries without a readable subject are left out; their document is not used.

use crate::{
    cluster::{Body, Match, Module, Os, OsFile, OsPackage, OsService, RootLogin, Sshd, Sysctl},
    name::NodeName,
    raw::{self, Field, Item, List, MapOf},
};

/// The baseline alone, or with what the file adds to it.
pub(super) fn os(raw: Option<&raw::Os>) -> Os {
    let Some(raw) = raw else { return Os { baseline: true, ..Os::default() } };
    let sysctls = raw.sysctls.get().into_iter().flat_map(|sysctls| &sysctls.0);
    Os {
        baseline: raw.baseline.get().copied().unwrap_or(true),
        sshd: sshd(raw),
        motd: raw.motd.get().cloned(),
        nameservers: copied(&raw.nameservers),
        integrity: copied(&raw.integrity),
        files: each(&raw.files, file),
        services: each(&raw.services, service),
        packages: each(&raw.packages, package),
        sysctls: sysctls.filter_map(|entry| sysctl(&entry.value)).collect(),
        modules: each(&raw.modules, module),
    }
}

fn sshd(raw: &raw::Os) -> Sshd {
    let sshd = raw.sshd.get();
    Sshd {
        password_authentication: sshd
            .and_then(|sshd| sshd.password_authentication.get())
            .copied()
            .unwrap_or(false),
        permit_root_login: sshd
            .and_then(|sshd| sshd.permit_root_login.get())
            .copied()
            .unwrap_or(RootLogin::default()),
    }
}

fn copied<T: Clone>(field: &Field<List<T>>) -> Vec<T> {
    field.get().into_iter().flat_map(|list| &list.items).map(|item| item.value.clone()).collect()
}

fn each<T, U>(field: &Field<List<T>>, lower: impl Fn(&T) -> Option<U>) -> Vec<U> {
    field.get().into_iter().flat_map(|list| &list.items).filter_map(|item| lower(&item.value)).collect()
}

fn on(nodes: &Field<List<NodeName>>, labels: &Field<MapOf<String>>) -> Match {
    if nodes.get().is_some() {
        return Match::Nodes(copied(nodes));
    }
    let pair = |(key, value): &(raw::Spanned<String>, raw::Spanned<String>)| {
        (key.value.clone(), value.value.clone())
    };
    labels.get().map_or(Match::All, |labels| Match::Labels(labels.entries.iter().map(pair).collect()))
}

fn file(raw: &raw::OsFile) -> Option<OsFile> {
    let (body, mode) = match (raw.content.get(), raw.secret.get()) {
        (Some(text), _) => (Body::Text(text.clone()), 0o644),
        (None, Some(secret)) => (Body::Secret(secret.clone()), 0o600),
        (None, None) => return None,
    };
    let root = || "root".to_owned();
    Some(OsFile {
        path: raw.path.get()?.clone(),
        body,
        mode: raw.mode.get().map_or(mode, |mode| mode.0),
        owner: raw.owner.get().cloned().unwrap_or_else(root),
        group: raw.group.get().cloned().unwrap_or_else(root),
        restart: raw.restart.get().cloned(),
        on: on(&raw.nodes, &raw.labels),
    })
}

fn service(raw: &raw::Service) -> Option<OsService> {
    Some(OsService {
        name: raw.name.get()?.clone(),
        enabled: raw.enabled.get().copied().unwrap_or(true),
        running: raw.running.get().copied().unwrap_or(true),
        on: on(&raw.nodes, &raw.labels),
    })
}

fn package(Item(raw): &Item<raw::Package>) -> Option<OsPackage> {
    Some(OsPackage { name: raw.name.get()?.clone(), on: on(&raw.nodes, &raw.labels) })
}

fn module(Item(raw): &Item<raw::Module>) -> Option<Module> {
    Some(Module { name: raw.name.get()?.clone(), on: on(&raw.nodes, &raw.labels) })
}

fn sysctl(raw: &raw::SysctlEntry) -> Option<Sysctl> {
    let (key, value) = (raw.key.get()?.clone(), raw.value.get()?.0.clone());
    Some(Sysctl { key, value, on: on(&raw.nodes, &raw.labels) })
}
