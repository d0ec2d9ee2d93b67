//! Packages, modules and kernel settings.

use std::collections::BTreeMap;

use model::{
    facts::{Before, PackageTool},
    reply::FailureKind,
};

use super::{
    Machine,
    apply::{Doing, Done, fail},
    stock,
};

impl Machine {
    pub(super) fn install(&mut self, tool: PackageTool, names: &[String], doing: &mut Doing<'_>) -> Done {
        let missing: Vec<_> = names.iter().filter(|name| !self.installed.contains(*name)).cloned().collect();
        if missing.is_empty() {
            self.own(doing, Before::Nothing);
            return Ok(doing.noted);
        }
        self.expect(doing)?;
        self.own(doing, Before::Nothing);
        if self.build.packages != Some(tool) {
            return fail(FailureKind::Command, format!("{tool:?}: command not found").to_lowercase());
        }
        if !self.link.internet {
            return fail(
                FailureKind::Command,
                "could not resolve the package mirror: network is unreachable",
            );
        }
        if let Some(name) = missing.iter().find(|name| self.lacks.contains(*name)) {
            return fail(FailureKind::Command, format!("unable to locate package {name}"));
        }
        self.room()?;
        for name in missing {
            for (service, runs) in stock::brought_by(&name, tool) {
                let service = self.services.entry((*service).to_owned()).or_default();
                (service.builtin, service.enabled, service.active) = (true, *runs, *runs);
            }
            self.installed.insert(name);
        }
        Ok(true)
    }

    /// Whether a module is there; `-` and `_` are the same in its name.
    pub(super) fn has_module(&self, name: &str) -> bool {
        self.modules.contains(&name.replace('-', "_"))
    }

    pub(super) fn load_modules(&mut self, names: &[String], doing: &mut Doing<'_>) -> Done {
        if names.iter().all(|name| self.has_module(name)) {
            self.own(doing, Before::Nothing);
            return Ok(doing.noted);
        }
        self.expect(doing)?;
        self.own(doing, Before::Nothing);
        if let Some(name) = names.iter().find(|name| self.lacks.contains(*name)) {
            return fail(FailureKind::Command, format!("modprobe: module {name} not found"));
        }
        self.modules.extend(names.iter().map(|name| name.replace('-', "_")));
        Ok(true)
    }

    /// A running kernel setting; `None` when the kernel has none of that name.
    pub(crate) fn sysctl(&self, key: &str) -> Option<String> {
        if let Some(running) = self.running.get(key) {
            return Some(running.clone());
        }
        if let Some(told) = self.sysctls.get(key) {
            return told.clone();
        }
        if self.lacks.contains(key) {
            return None;
        }
        let value = match key {
            _ if key.starts_with("net.bridge.") => {
                return self.has_module("br_netfilter").then(|| "1".to_owned());
            }
            "fs.inotify.max_user_instances" => "128",
            "fs.inotify.max_user_watches" => "65536",
            "vm.swappiness" => "60",
            "vm.max_map_count" => "65530",
            "kernel.panic_on_oops" | "kernel.randomize_va_space" => "1",
            _ => "0",
        };
        let roots = ["kernel.", "net.", "vm.", "fs.", "dev.", "user."];
        roots.iter().any(|root| key.starts_with(root)).then(|| value.to_owned())
    }

    /// One after the other, in the order of their keys: what fails leaves the earlier ones set.
    pub(super) fn set_sysctls(&mut self, values: &BTreeMap<String, String>, doing: &mut Doing<'_>) -> Done {
        let mut changed = false;
        for (key, value) in values {
            let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
            let Some(is) = self.sysctl(key) else {
                return fail(FailureKind::Missing, format!("the kernel has no setting {key}"));
            };
            if is != value {
                if !changed {
                    self.expect(doing)?;
                }
                changed = true;
                self.own(doing, Before::Nothing);
                self.running.insert(key.clone(), value);
            }
        }
        self.own(doing, Before::Nothing);
        Ok(changed || doing.noted)
    }
}
