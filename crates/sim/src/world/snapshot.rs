//! A world on paper, to go on from later.

use serde::{Deserialize, Serialize};

use super::World;
use crate::host::PowerState;

/// A world as it stood: machines, clusters and appointments. Scripts that were running are not part of it, as if their
/// machines had lost them; nor are faults that have not struck, and what went wrong: they are another rehearsal's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Snapshot {
    /// Version of this form; 1 today.
    version: u32,
    world: World,
}

impl World {
    /// The world as it stands.
    pub fn snapshot(&self) -> Snapshot {
        let mut world = self.clone();
        world.scripts.clear();
        world.drop_faults();
        world.violations.clear();
        for machine in world.machines.values_mut() {
            machine.scripts.clear();
            machine.ssh.sessions.clear();
        }
        Snapshot { version: 1, world }
    }

    /// Goes on from a snapshot. The error says why it cannot.
    ///
    /// Some time has passed meanwhile: machines that were booting are up. An operator who looks once and finds one that
    /// boots lets no time pass, so that otherwise it would boot for ever.
    pub fn from_snapshot(snapshot: Snapshot) -> Result<Self, String> {
        match snapshot.version {
            1 => Ok(snapshot.world.booted()),
            other => Err(format!("this rehearsal reads snapshots of version 1, not {other}")),
        }
    }

    fn booted(mut self) -> Self {
        let boots =
            |world: &Self| world.machines.values().any(|machine| machine.power.state == PowerState::Booting);
        while let Some(next) = self.next().filter(|_| boots(&self)) {
            self.advance(next);
        }
        self
    }
}

/// Maps whose keys JSON cannot have, as lists of pairs.
pub(super) mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<K, V, S>(map: &BTreeMap<K, V>, serializer: S) -> Result<S::Ok, S::Error>
    where
        K: Serialize,
        V: Serialize,
        S: Serializer,
    {
        serializer.collect_seq(map)
    }

    pub(crate) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::deserialize(deserializer)?.into_iter().collect())
    }
}
