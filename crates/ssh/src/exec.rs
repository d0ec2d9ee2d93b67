//! The engine's ports to hosts: work through an exec, prove that one can log in.
//!
//! Owns: joining the protocol (`host`) to a session. Must not: know what a step means.

use futures::future::LocalBoxFuture;
use model::{
    NodeName,
    fault::{Cause, HostFault},
    port::{Access, Exec, Hosts},
    reply::Said,
    secret::Secret,
};

use crate::{
    line::{Line, Ssh},
    root,
    session::{Mode, Script},
    talk::{Heard, Input},
};

impl Hosts for Ssh {
    fn exec<'a>(
        &'a self,
        host: &'a NodeName,
        exec: Exec,
        heard: &'a mut dyn FnMut(Said),
    ) -> LocalBoxFuture<'a, Result<(), HostFault>> {
        Box::pin(async move { self.run(self.line(host)?, Mode::Shared, &exec, heard).await })
    }
}

impl Access for Ssh {
    /// Proven by an exec without steps: it takes a login, root, and a place to receive it. It goes past the shared
    /// connection, which stood before the change that is to be judged.
    fn prove<'a>(&'a self, host: &'a NodeName) -> LocalBoxFuture<'a, Result<(), HostFault>> {
        let nothing = Exec { steps: Vec::new() };
        Box::pin(async move { self.run(self.line(host)?, Mode::Fresh, &nothing, &mut |_| {}).await })
    }
}

impl Ssh {
    async fn run(
        &self,
        line: &Line,
        mode: Mode,
        exec: &Exec,
        heard: &mut dyn FnMut(Said),
    ) -> Result<(), HostFault> {
        let password = self.password(line);
        let (input, mut decoder) = host::encode(exec, password)?;
        let mut hear = |bytes: &[u8]| {
            let before = decoder.lines();
            decoder.feed(bytes, heard);
            match (decoder.is_hopeless(), decoder.lines() > before) {
                (true, _) => Heard::Enough,
                (_, true) => Heard::Word,
                (_, false) if decoder.ready() => Heard::Nothing,
                _ => Heard::Noise,
            }
        };
        let mut script = Script {
            remote: &root::receiver(password.is_some()),
            input: Input {
                first: input.password.as_ref().map_or(&[], Secret::expose),
                rest: input.archive.expose(),
            },
            hear: &mut hear,
            watch: &mut root::asked_again,
        };
        let told = self.session(line, mode, &mut script).await?;
        if root::asked_again(&told.beside) {
            return Err(HostFault::new(
                Cause::RootPassword,
                "sudo does not take the password that was given",
            ));
        }
        let status = told.status.and_then(|status| status.code());
        let judged = decoder.finish(status, told.beside.as_bytes(), heard);
        judged.map_err(|fault| match fault.cause {
            // Where in the work it broke, and what the client knows of why.
            Cause::Lost if !told.client.is_empty() => {
                HostFault::new(Cause::Lost, format!("{}; ssh says: {}", fault.detail, told.client))
            }
            _ => fault,
        })
    }

    /// What sudo is told on this host; root logs in as root and is told nothing.
    fn password(&self, line: &Line) -> Option<&Secret> {
        self.password.as_ref().filter(|_| line.to.target.user.as_deref() != Some("root"))
    }
}
