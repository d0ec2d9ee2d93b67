//! What a step on one machine means for the rest of the world.

use std::time::Duration;

use model::{NodeName, port::ExecStep};

use super::{Task, World};
use crate::host::{Effect, PowerState};

/// How long a machine takes to boot.
const BOOT: Duration = Duration::from_secs(20);

impl World {
    pub(super) fn take_effects(&mut self, host: &NodeName, step: &ExecStep, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Started { service, again } => {
                    if self.is_k3s(host, &service) {
                        if again {
                            self.watch_disruption(host, "restarting");
                        }
                        self.k3s_start(host, &service);
                    }
                }
                Effect::Stopped(service) => {
                    if self.processes.get(host).is_some_and(|process| process.service == service) {
                        self.watch_disruption(host, "stopping");
                        self.processes.remove(host);
                    }
                }
                Effect::SshdReloaded => self.note_lockout(host),
                Effect::Armed { id, fires } => {
                    let span = fires.saturating_sub(self.now);
                    self.schedule(span, Task::Guard { host: host.clone(), id });
                }
                Effect::Trespassed(path) => {
                    self.violate(format!("{}: changed {path}, which is not coracle's", step.id));
                }
                Effect::Learned(secret) => self.learn(&secret),
            }
        }
    }

    fn is_k3s(&self, host: &NodeName, service: &str) -> bool {
        self.machines[host].k3s_services().iter().any(|name| name == service)
    }

    pub(super) fn guard_fires(&mut self, host: &NodeName, id: &str) {
        let Some(machine) = self.machines.get_mut(host) else { return };
        match machine.power.state {
            // A machine that is off fires it at boot.
            PowerState::Off | PowerState::Booting => return,
            PowerState::Hung => {
                return self
                    .schedule(Duration::from_secs(1), Task::Guard { host: host.clone(), id: id.to_owned() });
            }
            PowerState::On => {}
        }
        let due = |armed: &crate::host::Armed| armed.guard.id == id && armed.fires <= self.now;
        if machine.marks.armed.as_ref().is_some_and(due) && machine.fire().is_some() {
            self.tell(format!("{host}: the revert {id} fires"));
            self.note_lockout(host);
        }
    }

    /// A machine goes down at once; everything in memory is lost.
    pub(crate) fn power_off(&mut self, host: &NodeName) {
        self.processes.remove(host);
        if let Some(machine) = self.machines.get_mut(host) {
            machine.power.state = PowerState::Off;
            machine.power.boots += 1;
            machine.scripts.clear();
            machine.disk.remove("/run");
        }
        self.lose_scripts(host);
        self.doubt(host);
    }

    pub(crate) fn reboot(&mut self, host: &NodeName) {
        self.drop_connections(host, "the host closed it");
        self.power_off(host);
        self.power_on(host);
    }

    pub(crate) fn power_on(&mut self, host: &NodeName) {
        let Some(machine) = self.machines.get_mut(host) else { return };
        if machine.power.state != PowerState::Off {
            return;
        }
        machine.power.state = PowerState::Booting;
        let boots = machine.power.boots;
        let span = self.span(host, BOOT);
        self.schedule(span, Task::Boot { host: host.clone(), boots });
    }

    pub(super) fn boot(&mut self, host: &NodeName, boots: u32) {
        let Some(machine) = self.machines.get_mut(host) else { return };
        if machine.power.state != PowerState::Booting || machine.power.boots != boots {
            return;
        }
        machine.boot(self.now);
        let running: Vec<_> =
            machine.k3s_services().into_iter().filter(|name| machine.service(name).active).collect();
        for service in running {
            self.k3s_start(host, &service);
        }
        self.note_lockout(host);
    }
}
