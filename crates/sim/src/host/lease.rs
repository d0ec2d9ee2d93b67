//! The cluster lock as it lies on a host, and the claim.

use std::time::Duration;

use model::{
    ClusterName,
    op::{Holder, Lease},
    reply::FailureKind,
};

use super::{
    Held, Machine, Marks,
    apply::{Doing, Done, fail},
};

impl Machine {
    pub(super) fn take_lock(&mut self, lease: &Lease, doing: &Doing<'_>) -> Done {
        let mut renewed = false;
        if let Some(held) = &self.marks.lock {
            renewed = held.holder == lease.holder;
            let left = self.lease_left(held, doing.now);
            if !renewed && !lease.dead.contains(&held.holder) && left > 0 {
                let Holder { user, machine, pid, .. } = &held.holder;
                let who = format!("the cluster is locked: {user}@{machine} works on it (process {pid})");
                let text = format!("{who}; its lease ends in {left} s");
                return fail(FailureKind::Locked, text);
            }
        }
        if !renewed {
            self.expect(doing)?;
        }
        self.room()?;
        self.marks.lock = Some(Held {
            holder: lease.holder.clone(),
            seconds: lease.seconds,
            uptime: self.uptime(doing.now),
            boot: self.power.boots,
        });
        Ok(!renewed)
    }

    /// Seconds of uptime that a lease still has; a boot begins its time anew.
    fn lease_left(&self, held: &Held, now: Duration) -> u64 {
        let taken = if held.boot == self.power.boots { held.uptime } else { 0 };
        (taken + u64::from(held.seconds)).saturating_sub(self.uptime(now))
    }

    pub(super) fn release_lock(&mut self, holder: &Holder) -> bool {
        self.marks.lock.take_if(|held| held.holder == *holder).is_some()
    }

    pub(super) fn claim(
        &mut self,
        cluster: &ClusterName,
        id: &str,
        instead: Option<&String>,
        doing: &Doing<'_>,
    ) -> Done {
        match &self.marks.claim {
            Some((name, known)) if name == cluster && known == id => return Ok(false),
            Some((name, known)) if name == cluster && Some(known) == instead => {}
            Some((name, known)) if name == cluster => {
                let text = format!("it belongs to another cluster of the name {name} ({known})");
                return fail(FailureKind::Foreign, text);
            }
            Some((name, known)) => {
                return fail(FailureKind::Foreign, format!("it belongs to cluster {name} ({known})"));
            }
            None => {}
        }
        self.expect(doing)?;
        self.room()?;
        self.marks.claim = Some((cluster.clone(), id.to_owned()));
        Ok(true)
    }

    /// The cluster lock stays until it is given back.
    pub(super) fn unclaim(&mut self, doing: &Doing<'_>) -> Done {
        if self.marks.claim.is_none() && self.marks.owned.is_empty() {
            return Ok(false);
        }
        self.expect(doing)?;
        if let Some(resource) = self.marks.owned.keys().next() {
            return fail(FailureKind::Conflict, format!("coracle still owns {resource}"));
        }
        if self.marks.armed.is_some() {
            return fail(FailureKind::Conflict, "a revert is armed");
        }
        let (key, lock) = (std::mem::take(&mut self.marks.key), self.marks.lock.take());
        self.marks = Marks { key, lock, ..Marks::default() };
        Ok(true)
    }
}
