//! One session with one host: opened, tried again where that is decent, and judged when the host never spoke.
//!
//! Owns: when to come back to a busy sshd, and when to ask the person at the terminal. Must not: know the protocol.

use std::{process::Stdio, time::Duration};

use model::fault::{Cause, HostFault};
use tokio::time::sleep;

use crate::{
    client::{self, Company},
    line::{Line, Ssh},
    talk::{Heard, Input, Told, talk},
    words,
};

/// What is said and heard in one session.
pub(crate) struct Script<'a> {
    /// The remote command.
    pub(crate) remote: &'a str,
    /// What it is sent.
    pub(crate) input: Input<'a>,
    /// Who listens, and says what it amounts to.
    pub(crate) hear: &'a mut dyn FnMut(&[u8]) -> Heard,
    /// Who objects to standard error.
    pub(crate) watch: &'a mut dyn FnMut(&str) -> bool,
}

/// How a session came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Through the shared connection.
    Shared,
    /// By a login of its own.
    Fresh,
    /// By a login of its own, at which the person at the terminal may be asked.
    Asking,
}

impl Ssh {
    /// Runs a session until it ends. `Ok` when the host spoke, or when its shell ended the command without a word;
    /// otherwise why it could not. Nothing the host could act on is ever sent twice: a second try is made only when
    /// the first did not come to a login.
    pub(crate) async fn session(
        &self,
        line: &Line,
        mut mode: Mode,
        script: &mut Script<'_>,
    ) -> Result<Told, HostFault> {
        let (mut tries, mut asked) = (1, false);
        loop {
            let fault = match self.attempt(line, mode, script).await {
                Ok(told) => return Ok(told),
                Err(fault) => fault,
            };
            if words::is_dropped(&fault) && tries < self.settings.limits.tries {
                sleep(pause(line, tries)).await;
                tries += 1;
            } else if fault.cause == Cause::Authentication && self.settings.attended && !asked {
                asked = true;
                if mode == Mode::Shared {
                    self.open_asking(line).await?;
                } else {
                    mode = Mode::Asking;
                }
            } else {
                return Err(fault);
            }
        }
    }

    async fn attempt(&self, line: &Line, mode: Mode, script: &mut Script<'_>) -> Result<Told, HostFault> {
        let _asking = if mode == Mode::Asking { Some(self.asking.lock().await) } else { None };
        let company = if mode == Mode::Asking { Company::Person } else { Company::Alone };
        let (mut command, log) = self.client(line, mode == Mode::Shared, company);
        if mode == Mode::Asking {
            command.stderr(Stdio::inherit());
        }
        client::finish(&mut command, &line.to, Some(script.remote));
        let mut told = match command.spawn() {
            Ok(mut child) => {
                talk(&mut child, script.input, &self.settings.limits, script.hear, script.watch).await
            }
            Err(bad) => Told::never(&self.settings.program, &bad),
        };
        if told.silent {
            // The shared connection hangs too, for all we know.
            line.hang_up();
            let limit = if told.spoke { self.settings.limits.silence } else { self.settings.limits.hello };
            let what = if told.noise { ", only what is not an answer" } else { "" };
            return Err(HostFault::new(Cause::TimedOut, format!("no word for {} s{what}", limit.as_secs())));
        }
        let ended_by_shell = told.status.and_then(|status| status.code()).is_some_and(|code| code != 255);
        if told.spoke || (ended_by_shell && log.began()) {
            told.client = words::last_words(&log.read());
            Ok(told)
        } else if mode == Mode::Shared && words::is_behind_another(&log.read()) {
            Err(self.ask_between(line).await.unwrap_or_else(|| log.judge(&line.to, &told.beside)))
        } else {
            Err(log.judge(&line.to, &told.beside))
        }
    }

    /// What stands between us and a host, from a jump host's client or a proxy command: OpenSSH throws their words
    /// away where it opens a connection that is to persist, so one that is not has to ask again. `None` when the way
    /// is free now.
    async fn ask_between(&self, line: &Line) -> Option<HostFault> {
        let (log, told) = self.knock(&line.to, line.trust(), &[]).await;
        let free = told.status.is_some_and(|status| status.success());
        Some(log.judge(&line.to, &told.beside)).filter(|fault| !free && fault.cause != Cause::Authentication)
    }

    /// Opens the shared connection at the terminal, where OpenSSH asks for what it needs.
    async fn open_asking(&self, line: &Line) -> Result<(), HostFault> {
        let _asking = self.asking.lock().await;
        let (mut command, log) = self.client(line, true, Company::Person);
        command.args(["-f", "-N"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit());
        client::finish(&mut command, &line.to, None);
        match command.status().await {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(log.judge(&line.to, "")),
            Err(bad) => Err(HostFault::new(Cause::Client, bad.to_string())),
        }
    }
}

/// Longer each time, and not the same for hosts that were dropped together.
fn pause(line: &Line, tries: u32) -> Duration {
    let spread = line.to.name.as_str().bytes().fold(0_u64, |sum, byte| (sum * 31 + u64::from(byte)) % 500);
    Duration::from_millis(500 * 2_u64.pow(tries.min(6) - 1) + spread)
}
