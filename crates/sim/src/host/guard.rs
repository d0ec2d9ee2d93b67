//! The automatic revert: armed, disarmed, fired by time or by a boot. There is one at a time.

use std::time::Duration;

use model::{
    op::Guard,
    reply::{Failure, FailureKind, StepReply},
};

use super::{
    Armed, Machine,
    apply::{Applied, Doing, Done, Effect, fail},
    sshd,
};

impl Machine {
    /// Does a step of an exec that has armed this revert, if it is still armed: what is changed later stays.
    pub(crate) fn apply_guarded(&mut self, guard: Option<&str>, doing: Doing<'_>) -> Applied {
        let armed = self.marks.armed.as_ref().map(|armed| armed.guard.id.as_str());
        if guard.is_none() || guard == armed {
            return self.apply(doing);
        }
        let text = format!("the revert {} has fired: nothing is changed after it", guard.unwrap_or_default());
        let failure = Failure::new(FailureKind::GuardFired, text);
        Applied { reply: StepReply::Failed(failure), effects: doing.effects }
    }

    pub(super) fn arm(&mut self, guard: &Guard, doing: &mut Doing<'_>) -> Done {
        match &self.marks.armed {
            Some(armed) if armed.guard.id == guard.id => return Ok(false),
            Some(armed) => {
                return fail(FailureKind::Conflict, format!("another revert is armed: {}", armed.guard.id));
            }
            None => {}
        }
        if self.marks.fired.as_ref() == Some(&guard.id) {
            return fail(FailureKind::GuardFired, format!("the revert {} has fired already", guard.id));
        }
        self.expect(doing)?;
        self.room()?;
        let before = guard.paths.iter().map(|path| (path.clone(), self.disk.get(path))).collect();
        let stamp = self.marks.stamps.get(&guard.service).cloned();
        let owned = self.marks.owned.iter().filter(|(id, _)| guard.paths.contains(&id.name));
        let owned = owned.map(|(id, owned)| (id.clone(), owned.clone())).collect();
        let fires = doing.now + Duration::from_secs(u64::from(guard.window));
        self.marks.fired = None;
        self.marks.armed = Some(Armed { guard: guard.clone(), fires, before, stamp, owned });
        doing.effects.push(Effect::Armed { id: guard.id.clone(), fires });
        Ok(true)
    }

    pub(super) fn disarm(&mut self, id: &str, doing: &Doing<'_>) -> Done {
        if self.marks.fired.as_deref() == Some(id) {
            let text = format!("the revert {id} has fired: the change was taken back");
            return fail(FailureKind::GuardFired, text);
        }
        if self.marks.armed.as_ref().is_none_or(|armed| armed.guard.id != id) {
            return Ok(false);
        }
        self.expect(doing)?;
        (self.marks.armed, self.marks.fired) = (None, None);
        Ok(true)
    }

    /// Gives back what the armed revert holds, with the stamp of what its service had read, and whose it was.
    pub(crate) fn fire(&mut self) -> Option<String> {
        let Armed { guard, before, stamp, owned, .. } = self.marks.armed.take()?;
        for (path, entry) in before {
            self.disk.remove(&path);
            if let Some(entry) = entry {
                self.disk.put(&path, entry).expect("what was there fits there again");
            }
        }
        match stamp {
            Some(stamp) => self.marks.stamps.insert(guard.service, stamp),
            None => self.marks.stamps.remove(&guard.service),
        };
        self.marks.owned.extend(owned);
        if let Ok(rules) = sshd::Rules::read(&self.disk) {
            self.ssh.rules = rules;
        }
        self.marks.fired = Some(guard.id.clone());
        Some(guard.id)
    }
}
