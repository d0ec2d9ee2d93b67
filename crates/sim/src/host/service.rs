//! Services: started without waiting, stopped and reloaded at once.

use model::{
    facts::Before,
    op::Run,
    reply::{Failure, FailureKind},
};

use super::{
    Machine, Service,
    apply::{Doing, Done, Effect, fail},
    sshd, stock,
};

impl Machine {
    /// Whether the host knows the service at all.
    pub(crate) fn knows_service(&self, name: &str) -> bool {
        self.services.get(name).is_some_and(|service| service.builtin) || self.disk.has(&self.unit_path(name))
    }

    /// Its state; the default one when it was never touched.
    pub(crate) fn service(&self, name: &str) -> Service {
        self.services.get(name).cloned().unwrap_or_default()
    }

    pub(super) fn set_service(
        &mut self,
        name: &str,
        enabled: Option<bool>,
        run: &Run,
        doing: &mut Doing<'_>,
    ) -> Done {
        let is = self.service(name);
        let known = self.knows_service(name);
        let before = Before::Service { enabled: is.enabled, active: is.active };
        let wanted = stamp_of(run);
        let stale = wanted.is_some() && self.marks.stamps.get(name) != wanted;
        let runs_right = match run {
            Run::Any | Run::Stamped { .. } => true,
            Run::Started { .. } | Run::Reloaded { .. } => is.active,
            Run::Stopped => !is.active,
        };
        if runs_right && !stale && enabled.is_none_or(|wanted| is.enabled == wanted) {
            self.own(doing, before);
            return Ok(doing.noted);
        }
        self.expect(doing)?;
        if !known && !matches!(run, Run::Stamped { .. }) {
            return fail(FailureKind::Missing, format!("there is no service {name} on this host"));
        }
        self.own(doing, before);
        match enabled {
            Some(_) if !known => {
                return fail(FailureKind::Command, format!("unit {name} could not be found"));
            }
            Some(enabled) => self.services.entry(name.to_owned()).or_default().enabled = enabled,
            None => {}
        }
        match run {
            Run::Started { .. } | Run::Reloaded { .. } if !is.active => self.start(name, false, doing),
            Run::Started { .. } if stale => self.start(name, true, doing),
            Run::Reloaded { .. } if stale => self.reload(name, doing)?,
            Run::Stopped if is.active => self.stop(name, doing),
            _ => {}
        }
        if let Some(stamp) = wanted {
            self.room()?;
            self.marks.stamps.insert(name.to_owned(), stamp.clone());
        }
        Ok(true)
    }

    /// A start is asked for and not waited for: that it goes wrong shows later.
    fn start(&mut self, name: &str, again: bool, doing: &mut Doing<'_>) {
        if is_sshd(name) {
            // An sshd that does not like its configuration does not come up at all.
            self.ssh.rules = sshd::Rules::read(&self.disk).unwrap_or_else(|_| sshd::Rules::closed());
            doing.effects.push(Effect::SshdReloaded);
        }
        self.services.entry(name.to_owned()).or_default().active = true;
        if stock::keeps_time(name) {
            self.clock = super::HostClock { ahead: 0, synced: Some(true) };
        }
        doing.effects.push(Effect::Started { service: name.to_owned(), again });
    }

    pub(super) fn stop(&mut self, name: &str, doing: &mut Doing<'_>) {
        self.services.entry(name.to_owned()).or_default().active = false;
        doing.effects.push(Effect::Stopped(name.to_owned()));
    }

    fn reload(&mut self, name: &str, doing: &mut Doing<'_>) -> Result<(), Failure> {
        if is_sshd(name) {
            match sshd::Rules::read(&self.disk) {
                Ok(rules) => self.ssh.rules = rules,
                Err(why) => return fail(FailureKind::Command, format!("sshd -t: {why}")),
            }
            doing.effects.push(Effect::SshdReloaded);
        }
        Ok(())
    }

    /// A service that is not known any more has nothing to give back.
    pub(super) fn give_service_back(&mut self, name: &str, before: &Before, doing: &mut Doing<'_>) {
        if let (true, Before::Service { enabled, active }) = (self.knows_service(name), before.clone()) {
            let is = self.service(name);
            if is.active && !active {
                self.stop(name, doing);
            }
            self.services.entry(name.to_owned()).or_default().enabled = enabled;
            if !is.active && active {
                self.start(name, false, doing);
            }
        }
        self.marks.stamps.remove(name);
    }
}

fn stamp_of(run: &Run) -> Option<&String> {
    match run {
        Run::Started { stamp } => stamp.as_ref(),
        Run::Reloaded { stamp } | Run::Stamped { stamp } => Some(stamp),
        Run::Any | Run::Stopped => None,
    }
}

fn is_sshd(name: &str) -> bool {
    matches!(name, "ssh" | "sshd")
}
