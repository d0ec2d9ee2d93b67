//! Faults: what a rehearsal does to its world, and when.
//!
//! Owns: the list of faults and their effects. Each is told as a [`model::event::What::Fault`]. Must not: decide when
//! a run is over.

mod parse;
mod strike;

use std::{fmt, time::Duration};

use model::NodeName;
use serde::{Deserialize, Serialize};

pub use parse::VERBS;

use crate::world::World;

/// One fault. Its text form is `VERB [HOST] [AMOUNT] [for SPAN] [at SPAN | after N steps | at step PATTERN]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// When it strikes.
    pub when: When,
    /// What happens.
    pub what: Havoc,
    /// To which machine; `None` only for [`Havoc::OperatorDies`].
    pub host: Option<NodeName>,
    /// After how long it ends by itself, for faults that have an end.
    pub lasts: Option<Duration>,
}

impl Fault {
    /// The same, counted from a world as it stands and not from its beginning.
    #[must_use]
    pub fn counted_from(self, world: &World) -> Self {
        let when = match self.when {
            When::AtTime(at) => When::AtTime(world.now() + at),
            When::AfterSteps(steps) => When::AfterSteps(world.steps_ended() + steps),
            When::AtStep(pattern) => When::AtStep(pattern),
        };
        Self { when, ..self }
    }
}

/// When a fault strikes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum When {
    /// This long after the world began.
    AtTime(Duration),
    /// When this many steps have ended, on all hosts together.
    AfterSteps(u64),
    /// When the first step ends whose name matches; `*` stands for anything.
    AtStep(String),
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Havoc {
    /// The machine loses power and stays off.
    Kill,
    /// A machine that is off boots.
    Boot,
    /// It reboots at once.
    Reboot,
    /// It stops doing anything, and may go on later where it stopped.
    Hang,
    /// Everything on it takes this many times longer.
    Slow(u32),
    /// The operator does not reach it; the other machines do.
    Cut,
    /// The other machines do not reach it; the operator does.
    Isolate,
    /// It does not reach the internet.
    Offline,
    /// Its disk is full.
    Fill,
    /// Its clock is this many seconds ahead of true time, or behind.
    Clock(i64),
    /// Its SSH host key is another one.
    Rekey,
    /// The operator's user may not become root.
    NoSudo,
    /// Becoming root takes a password.
    AskSudo,
    /// Somebody else's k3s runs on it.
    Foreign,
    /// What lay below `/var/lib/rancher` and `/etc/rancher/node` is lost; it reboots.
    Wipe,
    /// It is installed afresh and boots.
    Reinstall,
    /// The operator's connections to it break.
    Drop,
    /// Everything that a fault did to it ends; a machine that is off boots.
    Heal,
    /// The operator's process dies.
    OperatorDies,
}

/// The end of a fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mending {
    pub what: Havoc,
    pub host: NodeName,
}

impl fmt::Display for Havoc {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill => out.write_str("loses power"),
            Self::Boot => out.write_str("is switched on"),
            Self::Reboot => out.write_str("reboots"),
            Self::Hang => out.write_str("hangs"),
            Self::Slow(times) => write!(out, "becomes {times} times slower"),
            Self::Cut => out.write_str("is cut off from the operator"),
            Self::Isolate => out.write_str("is cut off from the other machines"),
            Self::Offline => out.write_str("is cut off from the internet"),
            Self::Fill => out.write_str("has a full disk"),
            Self::Clock(ahead) if *ahead < 0 => write!(out, "has a clock that is {} s behind", -ahead),
            Self::Clock(ahead) => write!(out, "has a clock that is {ahead} s ahead"),
            Self::Rekey => out.write_str("shows another host key"),
            Self::NoSudo => out.write_str("refuses root to the operator's user"),
            Self::AskSudo => out.write_str("asks for a password before it gives root"),
            Self::Foreign => out.write_str("runs a k3s of somebody else"),
            Self::Wipe => out.write_str("loses its k3s data and reboots"),
            Self::Reinstall => out.write_str("is installed afresh"),
            Self::Drop => out.write_str("loses the operator's connections"),
            Self::Heal => out.write_str("is well again"),
            Self::OperatorDies => out.write_str("the operator's process dies"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            write!(out, "{host} ")?;
        }
        write!(out, "{}", self.what)?;
        match self.lasts {
            Some(span) => write!(out, " for {} s", span.as_secs()),
            None => Ok(()),
        }
    }
}

/// Whether a step's name matches a pattern in which `*` stands for anything. Without a `*` the pattern may stand
/// anywhere in the name.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    if !pattern.contains('*') {
        return name.contains(pattern);
    }
    let mut rest = name;
    let mut parts = pattern.split('*').peekable();
    let mut first = true;
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        let found = match (first, last) {
            (true, _) => rest.starts_with(part).then_some(part.len()),
            (false, true) => rest.ends_with(part).then_some(rest.len()),
            (false, false) => rest.find(part).map(|at| at + part.len()),
        };
        let Some(end) = found else { return false };
        rest = &rest[end..];
        first = false;
    }
    true
}
