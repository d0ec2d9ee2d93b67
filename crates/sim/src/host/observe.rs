//! What looking at a machine gives: facts, exactly as the real scripts and their decoder give them.

use std::collections::BTreeMap;

use model::{
    digest::Sha256,
    facts::{
        Content, Datadir, FileFact, GuardFact, HostFacts, IntegrityFact, K3sFacts, Ownership, ServiceFact,
        Stable, Volatile,
    },
    op::{Look, Survey},
    resource::{Kind, ResourceId},
};

use super::{
    Machine,
    apply::Doing,
    disk::{Blob, Entry},
};
use crate::{
    artifact::Shelf,
    k3s::{config, files},
};

impl Machine {
    /// Everything a survey asks for, and what is always looked at.
    pub(crate) fn facts(&self, survey: &Survey, doing: &Doing<'_>) -> HostFacts {
        let build = self.build.clone();
        let stable = Stable {
            system: build.system,
            arch: build.arch,
            init: build.init,
            packages: build.packages,
            fetcher: build.fetcher,
            hostname: build.hostname,
            machine_id: build.machine_id,
            addresses: build.addresses,
            memory_cgroup: build.memory_cgroup,
            swap: build.swap,
            selinux_enforcing: build.selinux_enforcing,
            selinux_policy: build.selinux_policy,
            sshd_dropins: build.sshd_dropins,
            firewalls: build.firewalls,
            files: self.file_facts(survey, doing),
            installed: map(&survey.packages, |name| self.installed.contains(name)),
            services: self.service_facts(survey),
            sysctls: map(&survey.sysctls, |key| self.sysctl(key)),
            modules: map(&survey.modules, |name| self.has_module(name)),
            owned: self.marks.claim.clone().map(|(cluster, id)| Ownership {
                cluster,
                id,
                entries: self.marks.owned.clone(),
            }),
            k3s: self.k3s_facts(doing.shelf),
            integrity: self.integrity_facts(),
        };
        HostFacts { stable, volatile: self.volatile(doing), texts: self.texts(survey) }
    }

    fn volatile(&self, doing: &Doing<'_>) -> Volatile {
        let left = |fires: std::time::Duration| fires.saturating_sub(doing.now).as_secs();
        Volatile {
            boot_id: self.boot_id(),
            uptime: self.uptime(doing.now),
            clock: doing.epoch.saturating_add_signed(self.clock.ahead),
            clock_synced: self.clock.synced,
            disk_free: self.disk_free,
            memory: self.memory,
            guard: self
                .marks
                .armed
                .as_ref()
                .map(|armed| GuardFact { id: armed.guard.id.clone(), left: left(armed.fires) }),
        }
    }

    fn file_facts(&self, survey: &Survey, doing: &Doing<'_>) -> BTreeMap<String, FileFact> {
        let mut offers = doing.step.bodies.iter();
        let mut facts: BTreeMap<_, _> = survey
            .paths
            .iter()
            .map(|(path, look)| {
                let offer = match look {
                    Look::Secret(Some(_)) => offers.next().map(|body| body.bytes.expose()),
                    _ => None,
                };
                (path.clone(), self.disk.fact(path, |blob| self.content(blob, look, offer)))
            })
            .collect();
        // The file counts where both it and its mode are owned: files come last in this order.
        let owned = self.marks.owned.keys().rev();
        for id in owned.filter(|id| matches!(id.kind, Kind::File | Kind::Dir | Kind::Mode)) {
            let look = match id.kind {
                Kind::File if self.marks.secret_paths.contains(&id.name) => Look::Secret(None),
                Kind::File => Look::Digest,
                _ => Look::Meta,
            };
            let fact = || self.disk.fact(&id.name, |blob| self.content(blob, &look, None));
            if id.kind == Kind::File && !survey.paths.contains_key(&id.name) {
                facts.insert(id.name.clone(), fact());
            } else {
                facts.entry(id.name.clone()).or_insert_with(fact);
            }
        }
        facts
    }

    /// Texts that may be shown, of files that are not as they are wanted.
    fn texts(&self, survey: &Survey) -> BTreeMap<String, String> {
        let shown = survey.paths.iter().filter_map(|(path, look)| {
            let Look::Text(wanted) = look else { return None };
            let Some(Entry::File { meta, blob }) = self.disk.get(path) else { return None };
            let ours = self.marks.owned.contains_key(&ResourceId::new(Kind::File, path));
            let public = meta.mode & 0o004 != 0 || ours && !self.marks.secret_paths.contains(path);
            let differs = blob.digest() != *wanted;
            if public && differs { Some((path.clone(), self.disk.text(path)?)) } else { None }
        });
        shown.collect()
    }

    fn content(&self, blob: &Blob, look: &Look, offer: Option<&[u8]>) -> Content {
        match look {
            Look::Meta => Content::Unread,
            Look::Digest | Look::Text(_) => blob.digest().map_or(Content::Unread, Content::Digest),
            Look::Secret(_) => Content::Keyed {
                digest: blob.keyed(&self.marks.key),
                wanted: offer.map(|bytes| blob.holds(bytes)),
            },
        }
    }

    fn service_facts(&self, survey: &Survey) -> BTreeMap<String, ServiceFact> {
        let owned = self.marks.owned.keys().filter(|id| id.kind == Kind::Service).map(|id| &id.name);
        let names: Vec<_> = survey.services.iter().chain(owned).cloned().collect();
        map(&names, |name| {
            let service = self.service(name);
            ServiceFact {
                known: self.knows_service(name),
                enabled: service.enabled,
                active: service.active,
                stamp: self.marks.stamps.get(name).cloned(),
            }
        })
    }

    fn integrity_facts(&self) -> BTreeMap<String, IntegrityFact> {
        let fact = |(path, recorded): (&String, &Option<Sha256>)| {
            let now = match self.marks.told_integrity.get(path) {
                Some(told) => told.clone(),
                None => self.digest_of(path),
            };
            (path.clone(), IntegrityFact { recorded: recorded.clone(), now })
        };
        self.marks.integrity.iter().map(fact).collect()
    }

    fn k3s_facts(&self, shelf: &Shelf) -> K3sFacts {
        let binary = self.digest_of(files::BINARY);
        let ca = |path: &str| self.digest_of(path);
        K3sFacts {
            version: binary.as_ref().and_then(|digest| shelf.version_of(digest, self.build.arch)),
            binary,
            services: self.k3s_service_infos(),
            data: Datadir {
                etcd: self.disk.has(files::ETCD_MEMBER),
                removed: self.disk.has(files::TOMBSTONE),
                sqlite: self.disk.has(files::SQLITE),
                server_ca: ca(files::SERVER_CA),
                agent_ca: ca(files::AGENT_CA),
            },
            config: config::facts(self),
            node_password: self
                .disk
                .has(files::NODE_PASSWORD)
                .then(|| self.password_made.unwrap_or_default()),
        }
    }
}

fn map<T>(names: &[String], look: impl Fn(&str) -> T) -> BTreeMap<String, T> {
    names.iter().map(|name| (name.clone(), look(name))).collect()
}
