//! The operator's way to a machine.

use std::time::Duration;

use model::{
    NodeName,
    fault::{Cause, HostFault},
};

use super::World;
use crate::host::{BecomeRoot, PowerState};

/// How long ssh tries to connect (`ConnectTimeout`).
const TIMEOUT: Duration = Duration::from_secs(10);

/// Who asks: one operator's process, and whether it has a password for sudo at hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operator {
    pub number: u32,
    pub has_password: bool,
}

impl World {
    /// How long a fresh login takes, and how it ends.
    pub(crate) fn login(&mut self, host: &NodeName) -> (Duration, Result<(), HostFault>) {
        let result = self.admits(host);
        let span = match &result {
            Err(fault) if fault.cause == Cause::TimedOut => TIMEOUT,
            _ => self.span(host, Duration::from_millis(180)),
        };
        (span, result)
    }

    /// Whether a fresh login would succeed now.
    fn admits(&self, host: &NodeName) -> Result<(), HostFault> {
        let fail = |cause, detail: &str| Err(HostFault::new(cause, detail));
        let Some(machine) = self.machines.get(host) else {
            return fail(Cause::NameNotFound, "no such host in this rehearsal");
        };
        if let Some(told) = &machine.ssh.told_fault {
            return Err(told.clone());
        }
        let user = &machine.ssh.user;
        match machine.power.state {
            _ if !machine.link.operator => fail(Cause::TimedOut, ""),
            PowerState::Off | PowerState::Hung => fail(Cause::TimedOut, ""),
            PowerState::Booting => fail(Cause::Refused, "it boots"),
            PowerState::On if machine.ssh.key_changed => {
                fail(Cause::KeyChanged, "the host shows another key than the known one")
            }
            PowerState::On if !machine.ssh.rules.lets_in(user) => {
                fail(Cause::Authentication, &format!("{user}: Permission denied (publickey)"))
            }
            PowerState::On => Ok(()),
        }
    }

    /// Whether an operator may become root.
    pub(crate) fn becomes_root(&self, host: &NodeName, operator: Operator) -> Result<(), HostFault> {
        let Some(machine) = self.machines.get(host) else { return Ok(()) };
        let user = &machine.ssh.user;
        match machine.ssh.root {
            BecomeRoot::NeedsPassword if !operator.has_password => {
                Err(HostFault::new(Cause::RootPassword, format!("sudo asks {user} for a password")))
            }
            BecomeRoot::Allowed | BecomeRoot::NeedsPassword => Ok(()),
            BecomeRoot::Refused => {
                Err(HostFault::new(Cause::NoRoot, format!("{user} may run neither sudo nor doas")))
            }
        }
    }

    /// Whether an operator gets root on a machine, by an open connection or a new one.
    pub(crate) fn gets_in(&self, host: &NodeName, operator: Operator) -> Result<(), HostFault> {
        if !self.has_session(host, operator) {
            self.admits(host)?;
        }
        self.becomes_root(host, operator)
    }

    /// Whether an operator holds an open connection that still works.
    pub(crate) fn has_session(&self, host: &NodeName, operator: Operator) -> bool {
        self.machines.get(host).is_some_and(|machine| {
            machine.is_on() && machine.link.operator && machine.ssh.sessions.contains(&operator.number)
        })
    }

    pub(crate) fn open_session(&mut self, host: &NodeName, operator: Operator) {
        if let Some(machine) = self.machines.get_mut(host) {
            machine.ssh.sessions.insert(operator.number);
        }
    }
}
