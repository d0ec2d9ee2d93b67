//! Whether an answer was all, and if not, why.

use model::{
    fault::{Cause, HostFault},
    reply::Said,
};

use super::Decoder;

impl Decoder {
    /// Judges the answer once the remote command has ended: `Ok` when the exec ended by itself, whatever its steps
    /// said. `status` is the remote command's exit status, if it has one; `stderr` the end of what it complained.
    /// `heard` gets what was still to be said.
    pub fn finish(
        mut self,
        status: Option<i32>,
        stderr: &[u8],
        heard: &mut dyn FnMut(Said),
    ) -> Result<(), HostFault> {
        if !self.line.is_empty() {
            let line = std::mem::take(&mut self.line);
            // A line without its end may be half a reply: it is only noise.
            if !line.starts_with(&self.prefix) {
                self.other(&line);
            }
        }
        if self.fault.is_some() || self.done {
            self.close(heard);
        } else if let Some(open) = self.open.take() {
            // Only the start of a fault is worth more than nothing.
            if open.head.starts_with(b"fault ") {
                self.act(&open, heard);
            }
        }
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if let Some(why) = self.garbled {
            return Err(HostFault::new(Cause::Garbled, why));
        }
        if self.done && self.ended {
            return Ok(());
        }
        if !self.ready {
            return Err(not_ready(status, stderr, &self.noise));
        }
        if self.full {
            return Err(HostFault::new(Cause::DiskFull, "no room for the exec itself; nothing was done"));
        }
        if let Some(counts) = &self.broken {
            return Err(broken(counts, stderr));
        }
        let at = match (self.current, self.ended) {
            (None, _) => "before the first step".to_owned(),
            (Some(index), true) => format!("after {}", self.steps[index].0),
            (Some(index), false) => format!("in {}", self.steps[index].0),
        };
        Err(HostFault::new(Cause::Lost, at))
    }
}

/// What arrived and what was sent: less is a broken connection, the same a broken stream.
fn broken(counts: &str, stderr: &[u8]) -> HostFault {
    let mut counts = counts.split(' ').map(|count| count.parse::<u64>().ok());
    match (counts.next().flatten(), counts.next().flatten()) {
        (Some(got), Some(sent)) if got == sent => {
            let said = last_line(stderr);
            let (cause, what) = if said.contains("not found") {
                (Cause::Unsupported, format!("the host cannot unpack what it was sent: {said}"))
            } else {
                (Cause::Garbled, "what was sent arrived changed; nothing was done".to_owned())
            };
            HostFault::new(cause, what)
        }
        (Some(got), Some(sent)) => {
            HostFault::new(Cause::Lost, format!("only {got} of {sent} bytes arrived; nothing was done"))
        }
        _ => HostFault::new(Cause::Lost, "what was sent did not arrive; nothing was done"),
    }
}

/// The command never ran as root: `sudo`, `doas`, the shell or the connection says why.
fn not_ready(status: Option<i32>, stderr: &[u8], noise: &[u8]) -> HostFault {
    let said = String::from_utf8_lossy(stderr).to_lowercase();
    let last = last_line(stderr);
    let has = |any: &[&str]| any.iter().any(|text| said.contains(text));
    let cause =
        if has(&["password is required", "no password was provided", "incorrect password", "try again"])
            || has(&["authentication required", "a terminal is required to read the password"])
        {
            Cause::RootPassword
        } else if has(&["sudo: ", "doas: ", "not in the sudoers", "may not run sudo"]) && status != Some(255)
            || has(&[
                "sudo: not found",
                "sudo: command not found",
                "doas: not found",
                "unknown command: sudo",
            ])
        {
            Cause::NoRoot
        } else if status.is_none() || status == Some(255) {
            Cause::Lost
        } else if status == Some(127) {
            Cause::Unsupported
        } else {
            Cause::Garbled
        };
    let detail = match (last.is_empty(), noise.is_empty()) {
        (false, _) => last,
        (true, false) => format!("it said: {}", last_line(noise)),
        (true, true) => status.map_or_else(String::new, |status| format!("exit status {status}, no word")),
    };
    HostFault::new(cause, detail)
}

fn last_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).take(300).collect()
}
