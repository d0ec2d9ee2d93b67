//! What each fault does to the world.

use model::{NodeName, plan::StepId};

use super::{Fault, Havoc, Mending, When, matches};
use crate::{
    host::{BecomeRoot, PowerState, reinstalled},
    k3s::files,
    world::{Task, World},
};

impl World {
    /// Adds a fault. The error names a host that this world does not have.
    pub fn add_fault(&mut self, fault: Fault) -> Result<(), String> {
        if let Some(host) = fault.host.as_ref().filter(|host| !self.machines.contains_key(*host)) {
            let known: Vec<_> = self.machines.keys().map(NodeName::as_str).collect();
            return Err(format!("there is no host {host} here; there are {}", known.join(", ")));
        }
        match fault.when {
            When::AtTime(at) => self.schedule(at.saturating_sub(self.now), Task::Fault(fault)),
            When::AfterSteps(_) | When::AtStep(_) => self.faults.push(fault),
        }
        Ok(())
    }

    /// Faults that wait for their time or their step still, in the order in which they would strike.
    pub fn unstruck(&self) -> Vec<Fault> {
        let timed = self.tasks().filter_map(|task| match task {
            Task::Fault(fault) => Some(fault.clone()),
            _ => None,
        });
        timed.chain(self.faults.iter().cloned()).collect()
    }

    /// Faults that wait for steps and have not struck never will.
    pub fn forget_faults(&mut self) {
        self.faults.clear();
    }

    /// Strikes every fault that waits for this step, or for this many.
    pub(crate) fn strike_at_step(&mut self, step: &StepId) {
        let ended = self.ended;
        let due = |fault: &Fault| match &fault.when {
            When::AfterSteps(steps) => ended >= *steps,
            When::AtStep(pattern) => matches(pattern, step.as_str()),
            When::AtTime(_) => false,
        };
        let (now, later) = std::mem::take(&mut self.faults).into_iter().partition(due);
        self.faults = later;
        for fault in now {
            self.strike(&fault);
        }
    }

    pub(crate) fn strike(&mut self, fault: &Fault) {
        self.tell(fault.to_string());
        let Some(host) = fault.host.clone() else { return self.all_operators_die() };
        self.hit.insert(host.clone(), self.now);
        self.inflict(fault.what, &host);
        if let Some(span) = fault.lasts {
            self.schedule(span, Task::Mend(Mending { what: fault.what, host }));
        }
    }

    pub(crate) fn tell(&mut self, text: String) {
        self.story.push((self.now, text));
    }

    fn all_operators_die(&mut self) {
        for operator in 0..=self.operators {
            if !self.dead_operators.contains(&operator) {
                self.operator_dies(operator);
            }
        }
    }

    fn inflict(&mut self, what: Havoc, host: &NodeName) {
        match what {
            Havoc::Kill => self.power_off(host),
            Havoc::Boot => self.power_on(host),
            Havoc::Reboot => self.reboot(host),
            Havoc::Drop => self.drop_connections(host, "connection reset by peer"),
            Havoc::Foreign => self.plant_foreign(host),
            Havoc::Wipe => {
                for path in ["/var/lib/rancher", "/etc/rancher/node"] {
                    self.change(host, |machine| {
                        machine.disk.remove(path);
                    });
                }
                self.reboot(host);
            }
            Havoc::Reinstall => {
                self.power_off(host);
                self.change(host, |machine| *machine = reinstalled(machine));
                self.power_on(host);
            }
            Havoc::Heal => self.heal(host),
            Havoc::Hang | Havoc::Cut => {
                self.change(host, |machine| match what {
                    Havoc::Hang if machine.is_on() => machine.power.state = PowerState::Hung,
                    Havoc::Cut => machine.link.operator = false,
                    _ => {}
                });
                self.doubt(host);
            }
            _ => self.change(host, |machine| match what {
                Havoc::Slow(times) => machine.link.slow = times.max(1),
                Havoc::Isolate => machine.link.nodes = false,
                Havoc::Offline => machine.link.internet = false,
                Havoc::Fill => machine.disk_free = 0,
                Havoc::Clock(ahead) => {
                    machine.clock = crate::host::HostClock { ahead, synced: Some(false) };
                }
                Havoc::Rekey => machine.ssh.key_changed = true,
                Havoc::NoSudo => machine.ssh.root = BecomeRoot::Refused,
                Havoc::AskSudo => machine.ssh.root = BecomeRoot::NeedsPassword,
                _ => {}
            }),
        }
    }

    fn change(&mut self, host: &NodeName, change: impl FnOnce(&mut crate::host::Machine)) {
        change(self.machines.get_mut(host).expect("faults name hosts of this world"));
    }

    /// A fault ends by itself.
    pub(crate) fn mend(&mut self, mending: &Mending) {
        let Mending { what, host } = mending;
        match what {
            Havoc::Kill => self.power_on(host),
            Havoc::Cut => {
                self.change(host, |machine| machine.link.operator = true);
                self.deliver_held(host);
            }
            _ => self.change(host, |machine| match what {
                Havoc::Hang if machine.power.state == PowerState::Hung => {
                    machine.power.state = PowerState::On;
                }
                Havoc::Slow(_) => machine.link.slow = 1,
                Havoc::Isolate => machine.link.nodes = true,
                Havoc::Offline => machine.link.internet = true,
                Havoc::Fill => machine.disk_free = 40 << 30,
                Havoc::Clock(_) => machine.clock = crate::host::HostClock { ahead: 0, synced: Some(true) },
                Havoc::Rekey => machine.ssh.key_changed = false,
                Havoc::NoSudo | Havoc::AskSudo => machine.ssh.root = BecomeRoot::Allowed,
                _ => {}
            }),
        }
        self.hit.insert(host.clone(), self.now);
        self.tell(format!("{host} is well again"));
    }

    fn heal(&mut self, host: &NodeName) {
        let every = [
            Havoc::Hang,
            Havoc::Slow(1),
            Havoc::Cut,
            Havoc::Isolate,
            Havoc::Offline,
            Havoc::Rekey,
            Havoc::NoSudo,
        ];
        let full = self.machines[host].disk_free == 0;
        let wrong = self.machines[host].clock.ahead != 0;
        let also = [(Havoc::Fill, full), (Havoc::Clock(0), wrong)].into_iter().filter(|(_, is)| *is);
        let told = self.story.len();
        for what in every.into_iter().chain(also.map(|(what, _)| what)) {
            self.mend(&Mending { what, host: host.clone() });
        }
        self.change(host, |machine| machine.ssh.told_fault = None);
        self.story.truncate(told);
        self.power_on(host);
    }

    /// Somebody else installed k3s by its own script: one server, sqlite.
    fn plant_foreign(&mut self, host: &NodeName) {
        let version = "v1.35.2+k3s1".parse::<model::Version>().expect("a release");
        let arch = self.machines[host].build.arch;
        let bytes = crate::artifact::artifact_bytes(&version, arch);
        self.shelf.know(model::digest::Sha256::of(&bytes), version, arch);
        self.change(host, |machine| {
            machine.disk.write(files::BINARY, 0o755, bytes);
            let unit = machine.unit_path("k3s");
            let text = match machine.build.init {
                model::facts::Init::Systemd => {
                    "ExecStart=/usr/local/bin/k3s \\\n    server \\\n\t'--disable' \\\n\t'traefik'\n"
                }
                model::facts::Init::Openrc => {
                    "command_args=\"server '--disable' 'traefik' >>/var/log/k3s.log 2>&1\"\n"
                }
            };
            machine.disk.write(&unit, 0o755, text);
            let service = machine.services.entry("k3s".to_owned()).or_default();
            (service.enabled, service.active) = (true, true);
        });
        self.k3s_start(host, "k3s");
        if self.machines[host].is_on() {
            self.attempt(host);
        }
    }
}
