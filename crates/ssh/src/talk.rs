//! One conversation with one child process: bytes in, bytes out, patience, and how it ended.
//!
//! Owns: feeding and listening at once, deadlines, and the reading of standard error, which is not waited for at the
//! end because the shared connection may hold it open. Must not: know the protocol; the listener does.

use std::{io, path::Path, process::ExitStatus, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStderr, ChildStdin},
    time::{Instant, sleep_until, timeout},
};

use crate::settings::Limits;

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'a> {
    /// At once; may be nothing.
    pub(crate) first: &'a [u8],
    /// After it; where there is something before it, not until the other side speaks.
    pub(crate) rest: &'a [u8],
}

/// What some bytes from the other side amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nothing of this conversation, which buys no time: a host may send such things for ever.
    Noise,
    /// The other side has spoken before, and says nothing more.
    Nothing,
    /// The other side speaks.
    Word,
    /// What comes is not worth listening to any longer.
    Enough,
}

/// How a conversation ended.
#[derive(Debug)]
pub(crate) struct Told {
    /// The child's own end; `None` when it had to be killed.
    pub(crate) status: Option<ExitStatus>,
    /// The last of its standard error.
    pub(crate) beside: String,
    /// The last word of the ssh client's own log; empty while nobody has read it.
    pub(crate) client: String,
    /// Whether the other side spoke at all.
    pub(crate) spoke: bool,
    /// Whether patience ended.
    pub(crate) silent: bool,
    /// Whether anything came that was no word.
    pub(crate) noise: bool,
    /// Whether it was cut short because what came was worth nothing.
    enough: bool,
}

impl Told {
    /// For a child that could not even be started.
    pub(crate) fn never(program: &Path, why: &io::Error) -> Self {
        let beside = format!("{} cannot be run: {why}", program.display());
        Self {
            status: None,
            beside,
            client: String::new(),
            spoke: false,
            silent: false,
            noise: false,
            enough: false,
        }
    }
}

/// How long a child may take to end after everything is said.
const GRACE: Duration = Duration::from_secs(3);
/// How long its last words on standard error may be on their way after it has ended badly.
const ECHO: Duration = Duration::from_millis(100);
/// How much of standard error is kept.
const KEPT: usize = 8 * 1024;
/// How much of it is read at the end.
const LAST: u64 = 256 * 1024;

/// Talks until the end of the child's output, an objection of `watch` to its standard error so far, or the end of
/// patience. `hear` says what the bytes amount to: only words buy time, and patience ends even while noise comes.
pub(crate) async fn talk(
    child: &mut Child,
    input: Input<'_>,
    limits: &Limits,
    hear: &mut dyn FnMut(&[u8]) -> Heard,
    watch: &mut dyn FnMut(&str) -> bool,
) -> Told {
    let mut output = child.stdout.take().expect("standard output is piped");
    let mut errors = child.stderr.take();
    let mut sender = Sender { pipe: child.stdin.take(), input, first: 0, rest: 0 };
    let mut told = Told {
        status: None,
        beside: String::new(),
        client: String::new(),
        spoke: false,
        silent: false,
        noise: false,
        enough: false,
    };
    let (mut bytes, mut words) = (vec![0; 64 * 1024], [0; 1024]);
    let mut deadline = Instant::now() + limits.connect + limits.hello;
    loop {
        tokio::select! { biased;
            // First: a host that never stops sending must not keep its own end from coming.
            () = sleep_until(deadline) => {
                told.silent = true;
                break;
            }
            read = output.read(&mut bytes) => match read {
                Ok(0) | Err(_) => break,
                Ok(count) => match hear(&bytes[..count]) {
                    Heard::Noise => told.noise = true,
                    Heard::Nothing => {
                        told.spoke = true;
                        told.noise = true;
                    }
                    Heard::Word => {
                        (told.spoke, told.noise) = (true, false);
                        deadline = Instant::now() + limits.silence;
                    }
                    Heard::Enough => {
                        told.spoke = true;
                        told.enough = true;
                        break;
                    }
                },
            },
            read = read_some(&mut errors, &mut words) => {
                keep(&mut told.beside, &words[..read]);
                if watch(&told.beside) {
                    break;
                }
            }
            () = sender.send(), if sender.has_work(told.spoke) => {
                deadline = Instant::now() + if told.spoke { limits.silence } else { limits.connect + limits.hello };
            }
        }
    }
    drop(sender);
    finish(child, errors, told).await
}

/// Lets the child end by itself, within reason, and hears why it ended badly.
async fn finish(child: &mut Child, errors: Option<ChildStderr>, mut told: Told) -> Told {
    let patience = if told.silent || told.enough { Duration::ZERO } else { GRACE };
    told.status = timeout(patience, child.wait()).await.ok().and_then(Result::ok);
    if told.status.is_none() {
        // It may have ended in this very moment.
        let _ = child.kill().await;
    }
    let well = told.status.is_some_and(|status| status.success());
    if let Some(errors) = errors.filter(|_| !well) {
        let mut rest = Vec::new();
        let _ = timeout(ECHO, errors.take(LAST).read_to_end(&mut rest)).await;
        keep(&mut told.beside, &rest);
    }
    told
}

/// Reads what is there; never ends once the stream has, so that it can stand in a `select`.
async fn read_some(stream: &mut Option<ChildStderr>, into: &mut [u8]) -> usize {
    if let Some(open) = stream {
        match open.read(into).await {
            Ok(count) if count > 0 => return count,
            _ => *stream = None,
        }
    }
    std::future::pending().await
}

fn keep(kept: &mut String, more: &[u8]) {
    kept.push_str(&String::from_utf8_lossy(more));
    if kept.len() > KEPT {
        let cut = kept.ceil_char_boundary(kept.len() - KEPT);
        kept.drain(..cut);
    }
}

/// The sending half: closes the pipe when everything is sent, or when nobody reads any more (why is then heard on
/// the other streams).
struct Sender<'a> {
    pipe: Option<ChildStdin>,
    input: Input<'a>,
    first: usize,
    rest: usize,
}

impl Sender<'_> {
    fn has_work(&self, spoke: bool) -> bool {
        self.pipe.is_some() && (self.first < self.input.first.len() || self.input.first.is_empty() || spoke)
    }

    async fn send(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        let (part, sent) = if self.first < self.input.first.len() {
            (&self.input.first[self.first..], &mut self.first)
        } else {
            (&self.input.rest[self.rest..], &mut self.rest)
        };
        if part.is_empty() {
            self.pipe = None;
            return;
        }
        match pipe.write(part).await {
            Ok(count) => *sent += count,
            Err(_) => self.pipe = None,
        }
    }
}
