//! What all connections of a worker share.
//!
//! Owns: the bundle, and the phases of a server's life. Must not: do anything.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use ipnet::IpNet;

use super::slots::Slots;
use crate::{config::Limits, log::Log, metrics::Counts, site::Answers};

/// How far the server's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    /// Serving.
    Serving,
    /// Told to end: still serving, but not ready, and connections are asked to close.
    Draining,
    /// No new connections; those without a request are closed.
    Closing,
}

/// The phase, to be read for every answer.
#[derive(Debug, Default)]
pub struct Life(AtomicU8);

impl Life {
    /// The phase now.
    pub fn phase(&self) -> Phase {
        match self.0.load(Ordering::Relaxed) {
            0 => Phase::Serving,
            1 => Phase::Draining,
            _ => Phase::Closing,
        }
    }

    /// The next phase; there is no way back.
    pub fn advance(&self, phase: Phase) {
        self.0.fetch_max(phase as u8, Ordering::Relaxed);
    }
}

/// What a worker's connections share.
pub struct Context {
    /// Who answers.
    pub answers: Box<dyn Answers>,
    /// Limits.
    pub limits: Limits,
    /// Counters of this worker.
    pub counts: Arc<Counts>,
    /// The phase.
    pub life: Arc<Life>,
    /// The access log, if there is one.
    pub log: Option<Log>,
    /// Peers that are believed about clients.
    pub proxies: Arc<[IpNet]>,
    /// The connections of this worker.
    pub slots: Slots,
    /// When the server began; deadlines are counted from here.
    pub begun: Instant,
}

impl Context {
    /// Milliseconds of the server's life.
    pub fn millis(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.begun).as_millis()).unwrap_or(u64::MAX)
    }

    /// A point in the server's life.
    pub fn after(&self, time: Duration) -> u64 {
        self.millis(Instant::now() + time)
    }
}
