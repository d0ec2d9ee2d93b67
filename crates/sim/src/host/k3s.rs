//! What operations do to k3s on one machine: its services, its containers, its data.

use model::{
    Role,
    facts::{Init, ServiceInfo},
    reply::FailureKind,
    resource::{Kind, ResourceId},
};

use super::{
    Machine,
    apply::{Doing, Done, fail},
};
use crate::k3s::{self, files};

const KILLALL: &str = "/usr/local/bin/k3s-killall.sh";

impl Machine {
    /// Names of the services that run k3s, server before agent.
    pub(crate) fn k3s_services(&self) -> Vec<String> {
        let (prefix, suffix) = match self.build.init {
            Init::Systemd => ("/etc/systemd/system/", ".service"),
            Init::Openrc => ("/etc/init.d/", ""),
        };
        let named = |path: &String| {
            let name = path.strip_prefix(prefix)?.strip_suffix(suffix)?;
            (name.starts_with("k3s") && k3s::runs_k3s(self, name)).then(|| name.to_owned())
        };
        let mut names: Vec<_> = self.disk.paths().filter_map(named).collect();
        names.sort_by_key(|name| (k3s::role_of(self, name), name.clone()));
        names
    }

    /// What facts say of those services. Arguments are those of somebody else's units alone, without secrets.
    pub(super) fn k3s_service_infos(&self) -> Vec<ServiceInfo> {
        let info = |name: String| {
            let role: Role = k3s::role_of(self, &name);
            let unit = ResourceId::new(Kind::File, self.unit_path(&name));
            let told = self.told_services.get(&name).filter(|_| !k3s::has_unit_text(self, &name));
            let arguments = match told {
                Some(told) => told.arguments.clone(),
                None if self.owns(&unit) => Vec::new(),
                None => k3s::config::without_secrets(&k3s::arguments_of(self, &name)),
            };
            ServiceInfo { role, name, arguments }
        };
        self.k3s_services().into_iter().map(info).collect()
    }

    /// One piece of evidence that k3s still works here.
    fn k3s_works(&self) -> Option<String> {
        let names = ["k3s", "k3s-agent"].into_iter();
        let active = names.filter(|name| self.knows_service(name)).find(|name| self.service(name).active);
        active
            .map(|name| format!("service {name}"))
            .or_else(|| self.disk.has(files::CONTAINERS).then(|| "container process 4711".to_owned()))
    }

    pub(super) fn kill_k3s(&mut self, doing: &mut Doing<'_>) -> Done {
        let Some(works) = self.k3s_works() else { return Ok(false) };
        self.expect(doing)?;
        let script =
            matches!(self.disk.get(KILLALL), Some(super::Entry::File { meta, .. }) if meta.mode & 0o111 != 0);
        if !script {
            return fail(FailureKind::Missing, format!("{KILLALL} is not there, but {works} is"));
        }
        let named = ["k3s", "k3s-agent"].map(str::to_owned);
        for name in self.k3s_services().into_iter().chain(named) {
            if self.service(&name).active {
                self.stop(&name, doing);
            }
        }
        self.disk.remove(files::CONTAINERS);
        self.disk.remove("/var/lib/cni");
        Ok(true)
    }

    pub(super) fn remove_k3s(&mut self, volumes: bool, doing: &mut Doing<'_>) -> Done {
        let doomed = self.k3s_leftovers(volumes);
        if doomed.is_empty() {
            return Ok(false);
        }
        self.expect(doing)?;
        if let Some(works) = self.k3s_works() {
            return fail(FailureKind::Conflict, format!("k3s still works here: {works}"));
        }
        for path in &doomed {
            self.disk.remove(path);
        }
        let parents = ["/etc/rancher/k3s/config.yaml.d", "/var/lib/rancher/k3s", "/var/lib/rancher"];
        for path in parents.into_iter().chain(["/etc/rancher/k3s", "/etc/rancher"]) {
            self.disk.remove_empty(path);
        }
        Ok(true)
    }

    /// Paths of k3s that removing it takes away: all data, and the kubeconfig that it writes. What else lies beside that
    /// is coracle's, and goes by its own step, or the user's.
    fn k3s_leftovers(&self, volumes: bool) -> Vec<String> {
        let storage = "/var/lib/rancher/k3s/storage";
        let whole = ["/var/lib/kubelet", "/run/k3s", "/run/flannel", "/var/lib/cni", "/etc/rancher/node"];
        let whole = whole.into_iter().chain([files::KUBECONFIG]).filter(|path| self.disk.has(path));
        let data = self.disk.below("/var/lib/rancher/k3s").filter(|path| {
            volumes || !(path.starts_with(&format!("{storage}/")) || path.as_str() == storage)
        });
        // Directories of the configuration go when nothing is left in them.
        whole.map(str::to_owned).chain(data.cloned()).collect()
    }
}
