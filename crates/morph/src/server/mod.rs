//! The server: sockets, workers, and the three phases of its end.
//!
//! Owns: binding, threads, signals' consequences. Must not: read configuration files or the environment.

mod admin;
pub mod confine;
mod listen;
mod worker;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use self::worker::Worker;
use crate::{
    config::{Config, Shutdown},
    conn::context::{Life, Phase},
    log::Log,
    metrics::Counts,
    site::Sites,
};

/// A server under way.
pub struct Server {
    /// Where the sites are served, with the ports that were given.
    pub addresses: Vec<SocketAddr>,
    /// Where health and metrics are.
    pub admin: Option<SocketAddr>,
    life: Arc<Life>,
    phase: watch::Sender<Phase>,
    workers: Vec<JoinHandle<io::Result<()>>>,
    admin_worker: Option<JoinHandle<io::Result<()>>>,
    log: Option<(Log, JoinHandle<()>)>,
    shutdown: Shutdown,
}

/// Sockets that are bound, before privileges are given up.
pub struct Bound {
    /// One list of listeners a worker.
    workers: Vec<Vec<TcpListener>>,
    admin: Option<TcpListener>,
    addresses: Vec<SocketAddr>,
}

/// Binds everything a configuration names.
pub fn bind(config: &Config) -> io::Result<Bound> {
    let mut addresses = config.listen.clone();
    let mut workers = Vec::new();
    for worker in 0..config.workers {
        let mut listeners = Vec::new();
        for address in &mut addresses {
            // The first finds out whether somebody else listens there, or we ourselves by another line.
            let bind = if worker == 0 { listen::bind_free } else { listen::bind };
            let listener = bind(*address).map_err(|error| named(*address, &error))?;
            // A port that was left to the kernel is the same for the workers after the first.
            *address = listener.local_addr()?;
            listeners.push(listener);
        }
        workers.push(listeners);
    }
    let admin = config
        .admin
        .map(|address| listen::bind_free(address).map_err(|error| named(address, &error)))
        .transpose()?;
    Ok(Bound { workers, admin, addresses })
}

fn named(address: SocketAddr, error: &io::Error) -> io::Error {
    let cure = "choose a free port above 1023, or end who has it";
    io::Error::new(error.kind(), format!("cannot listen on {address}: {error}; {cure}"))
}

/// Starts serving. `into` takes the access log, if there is one.
pub fn start(
    config: &Config,
    bound: Bound,
    sites: &Arc<Sites>,
    into: impl io::Write + Send + 'static,
) -> io::Result<Server> {
    let life = Arc::new(Life::default());
    let (phase, told) = watch::channel(Phase::Serving);
    let log = if config.access_log { Some(Log::start(into)?) } else { None };
    let counts: Vec<Arc<Counts>> =
        bound.workers.iter().map(|_| Arc::new(Counts::new(config.sites.len()))).collect();
    let begun = Instant::now();
    let most = (config.limits.connections / bound.workers.len().max(1)).max(1);
    let mut workers = Vec::new();
    for (listeners, counts) in bound.workers.into_iter().zip(&counts) {
        let worker = Worker {
            answers: Box::new(sites.clone()),
            config: config.clone(),
            counts: counts.clone(),
            life: life.clone(),
            log: log.as_ref().map(|(log, _)| log.clone()),
            most,
            begun,
            grace: config.shutdown.grace,
        };
        workers.push(worker.spawn("worker", listeners, told.clone())?);
    }
    let admin = bound.admin.as_ref().map(TcpListener::local_addr).transpose()?;
    let admin_worker = bound.admin.map(|listener| {
        let names = config.sites.iter().map(|site| site.hosts.first().cloned().unwrap_or_default()).collect();
        let worker = Worker {
            answers: Box::new(admin::Admin { sites: sites.clone(), counts, names, life: life.clone() }),
            config: config.clone(),
            counts: Arc::new(Counts::new(0)),
            life: Arc::new(Life::default()),
            log: None,
            most: 256,
            begun,
            grace: Duration::ZERO,
        };
        worker.spawn("admin", vec![listener], told.clone())
    });
    let admin_worker = admin_worker.transpose()?;
    Ok(Server {
        addresses: bound.addresses,
        admin,
        life,
        phase,
        workers,
        admin_worker,
        log,
        shutdown: config.shutdown,
    })
}

impl Server {
    /// Not ready any more, but serving: who routes requests here has `wait` to hear of it.
    pub fn drain(&self) {
        self.life.advance(Phase::Draining);
    }

    /// Ends: drains for the configured time (not at all with `at_once`), lets requests under way finish within the
    /// grace, and returns when everything is closed.
    pub fn end(self, at_once: bool) -> io::Result<()> {
        self.drain();
        if !at_once {
            std::thread::sleep(self.shutdown.wait);
        }
        self.life.advance(Phase::Closing);
        // Received by nobody only when all workers are gone already.
        let _ = self.phase.send(Phase::Closing);
        let mut end = Ok(());
        for worker in self.workers.into_iter().chain(self.admin_worker) {
            let ended = worker
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a worker panicked; please report it")));
            end = end.and(ended);
        }
        if let Some((log, writer)) = self.log {
            drop(log);
            let _ = writer.join();
        }
        end
    }
}
