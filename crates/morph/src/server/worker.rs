//! One worker: a thread, its runtime, its listeners, its connections.
//!
//! Owns: accepting, sweeping, ending. Must not: share anything that needs a lock with other workers.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, atomic::Ordering::Relaxed},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rustix::net::{RecvFlags, SendFlags, Shutdown};
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::listen;
use crate::{
    config::Config,
    conn::{
        context::{Context, Life, Phase},
        run,
        slots::{Slot, Slots},
    },
    log::Log,
    metrics::{Counts, bump},
    site::Answers,
};

/// What a worker is made of.
pub(super) struct Worker {
    pub(super) answers: Box<dyn Answers>,
    pub(super) config: Config,
    pub(super) counts: Arc<Counts>,
    pub(super) life: Arc<Life>,
    pub(super) log: Option<Log>,
    /// Connections at once.
    pub(super) most: usize,
    pub(super) begun: Instant,
    pub(super) grace: Duration,
}

/// How often deadlines are looked at.
const SWEEP: Duration = Duration::from_millis(250);
/// How long nobody must have come before a port is closed.
const UNASKED: Duration = Duration::from_millis(200);
/// How long a connection must have waited for a request before it is closed at the end; one under load never does.
const QUIET: u64 = 1000;

impl Worker {
    pub(super) fn spawn(
        self,
        name: &str,
        listeners: Vec<TcpListener>,
        told: watch::Receiver<Phase>,
    ) -> io::Result<JoinHandle<io::Result<()>>> {
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            // Jobs wait for disks or compress; more of them at once would only take the workers' cores.
            let runtime = builder.enable_all().max_blocking_threads(4).build()?;
            let end = runtime.block_on(self.serve(listeners, told));
            runtime.shutdown_background();
            end
        })
    }

    async fn serve(self, listeners: Vec<TcpListener>, told: watch::Receiver<Phase>) -> io::Result<()> {
        let context = Arc::new(Context {
            answers: self.answers,
            limits: self.config.limits,
            counts: self.counts,
            life: self.life,
            log: self.log,
            proxies: self.config.proxies.into(),
            slots: Slots::default(),
            begun: self.begun,
        });
        let sweeper = tokio::spawn(sweep(Arc::downgrade(&context)));
        let mut doors = Vec::new();
        for listener in listeners {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            doors.push(tokio::spawn(accept(context.clone(), listener, self.most, told.clone(), self.grace)));
        }
        let mut grace = self.grace;
        for door in doors {
            let closing = door.await.map_err(io::Error::other)?;
            grace = grace.min(self.grace.saturating_sub(closing.elapsed()));
        }
        // Finished by themselves, by the sweep if idle, or cut off.
        let finished = async {
            while !context.slots.is_empty() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let _ = timeout(grace, finished).await;
        sweeper.abort();
        Ok(())
    }
}

async fn sweep(context: std::sync::Weak<Context>) {
    let mut tick = interval(SWEEP);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let Some(context) = context.upgrade() else { return };
        let idle = (context.life.phase() == Phase::Closing).then_some(QUIET);
        let given_up = context.slots.sweep(context.millis(Instant::now()), idle);
        context.counts.expired.fetch_add(given_up, Relaxed);
    }
}

/// Takes connections until the server ends; says when it was told.
async fn accept(
    context: Arc<Context>,
    listener: tokio::net::TcpListener,
    most: usize,
    mut told: watch::Receiver<Phase>,
    grace: Duration,
) -> Instant {
    loop {
        tokio::select! {
            accepted = listener.accept() => take(&context, accepted, most).await,
            () = closing(&mut told) => break,
        }
    }
    let closing = Instant::now();
    // Where it may not be closed, whoever sends requests here was told by `readyz` to cease.
    let _ = listen::close_door(&listener);
    // Whoever is through the handshake is taken, until nobody came for a while. Should they come and come, half of the
    // grace is for those who were taken.
    let mut more = listen::BACKLOG;
    while more > 0 {
        let left = (grace / 2).saturating_sub(closing.elapsed());
        let Ok(accepted) = timeout(UNASKED.min(left), listener.accept()).await else { break };
        take(&context, accepted, most).await;
        more -= i32::from(left.is_zero());
    }
    closing
}

async fn closing(told: &mut watch::Receiver<Phase>) {
    // An error says that the sender is gone, and with it the server.
    let _ = told.wait_for(|phase| *phase == Phase::Closing).await;
}

async fn take(context: &Arc<Context>, accepted: io::Result<(TcpStream, SocketAddr)>, most: usize) {
    let (stream, peer) = match accepted {
        Ok(accepted) => accepted,
        Err(error)
            if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted) =>
        {
            return;
        }
        // Out of handles or memory: nothing helps but others ending.
        Err(_) => return sleep(Duration::from_millis(20)).await,
    };
    bump(&context.counts.accepted);
    if context.slots.len() >= most {
        bump(&context.counts.refused);
        return turn_away(&stream);
    }
    let slot = Arc::new(Slot::default());
    slot.busy_until(u64::MAX);
    context.slots.enter(slot.clone(), |number| {
        let entered = Entered { context: context.clone(), number };
        context.counts.open.fetch_add(1, Relaxed);
        let serving = async move {
            // What ends a connection early is the client's affair, or counted by the sweep.
            let _ = run(&entered.context, stream, peer, &slot).await;
        };
        tokio::spawn(serving).abort_handle()
    });
}

/// Says that it is busy, without waiting: whoever is turned away costs nothing.
fn turn_away(stream: &TcpStream) {
    const WORDS: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    // The socket itself is asked, for the runtime has not yet heard that it can be written.
    let said = rustix::net::send(stream, WORDS, SendFlags::NOSIGNAL);
    let ended = rustix::net::shutdown(stream, Shutdown::Write);
    if said.is_ok() && ended.is_ok() {
        // A request that is here and not read would have the words taken back.
        let _ = rustix::net::recv(stream, &mut [0; 4096], RecvFlags::DONTWAIT);
    }
}

/// Takes a connection out of the slots when its task ends, however it does.
struct Entered {
    context: Arc<Context>,
    number: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.context.counts.open.fetch_sub(1, Relaxed);
        self.context.slots.leave(self.number);
    }
}
