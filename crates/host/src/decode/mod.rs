//! What a host answers: bytes in any pieces, in; `Said` out; and a verdict at the end.
//!
//! Owns: the protocol's lines. Must not: trust any of it. Whatever comes, memory is bounded and nothing panics; what
//! is not of this exec is noise, of which the last is kept for the verdict.

mod ca;
mod evidence;
mod facts;
mod k3s;
mod step;
#[cfg(test)]
mod tests;
mod verdict;

use model::{
    fault::{Cause, HostFault},
    op::Survey,
    plan::StepId,
    port::Exec,
    reply::{Said, StepReply},
    secret::Secret,
};

use evidence::Evidence;

/// Longest line, in bytes.
const LINE: usize = 1 << 20;
/// Most bytes of all texts of one step.
const TEXT: usize = 32 << 20;
/// What a line costs beside its bytes: a text of many empty lines is not small.
const LINE_COST: usize = 64;
/// Bytes of noise that are kept.
const NOISE: usize = 2 << 10;

/// Reads a host's answer to one exec.
#[derive(Debug)]
pub struct Decoder {
    /// What each line of this exec begins with.
    prefix: Vec<u8>,
    steps: Vec<(StepId, Option<Survey>)>,
    line: Vec<u8>,
    /// The rest of an overlong line is passed over.
    skipping: bool,
    noise: Vec<u8>,
    ready: bool,
    /// Lines of this exec that were heard.
    lines: u64,
    /// What the receiving command said went wrong.
    broken: Option<String>,
    full: bool,
    /// The step that began last, and whether it has ended.
    current: Option<usize>,
    ended: bool,
    /// A line whose text may go on.
    open: Option<Open>,
    evidence: Evidence,
    held: usize,
    fault: Option<HostFault>,
    garbled: Option<String>,
    done: bool,
}

/// A line of the protocol, and the lines that go on with its text.
struct Open {
    head: Vec<u8>,
    text: Vec<u8>,
}

impl Drop for Open {
    fn drop(&mut self) {
        drop(Secret::new(std::mem::take(&mut self.head)));
        drop(Secret::new(std::mem::take(&mut self.text)));
    }
}

impl std::fmt::Debug for Open {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Open(…)")
    }
}

impl Decoder {
    pub(crate) fn new(nonce: String, exec: &Exec) -> Self {
        let survey = |op: &model::op::HostOp| match op {
            model::op::HostOp::Observe(survey) => Some(survey.clone()),
            _ => None,
        };
        Self {
            prefix: (nonce + " ").into_bytes(),
            steps: exec.steps.iter().map(|step| (step.id.clone(), survey(&step.op))).collect(),
            line: Vec::new(),
            skipping: false,
            noise: Vec::new(),
            ready: false,
            lines: 0,
            broken: None,
            full: false,
            current: None,
            ended: true,
            open: None,
            evidence: Evidence::default(),
            held: 0,
            fault: None,
            garbled: None,
            done: false,
        }
    }

    /// Whether [`READY`](crate::READY) was heard: root is reached, and any password was taken.
    pub fn ready(&self) -> bool {
        self.ready
    }

    /// How many lines have counted. While this does not grow the host says nothing, whatever it sends.
    pub fn lines(&self) -> u64 {
        self.lines + u64::from(self.ready)
    }

    /// Whether nothing that may still come changes the verdict: what came is not the answer to this exec.
    pub fn is_hopeless(&self) -> bool {
        self.garbled.is_some()
    }

    /// Takes bytes of the remote command's standard output as they come; `heard` gets what they say.
    pub fn feed(&mut self, bytes: &[u8], heard: &mut dyn FnMut(Said)) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.push(&rest[..end]);
            rest = &rest[end + 1..];
            let line = std::mem::take(&mut self.line);
            if !std::mem::take(&mut self.skipping) {
                self.whole(&line, heard);
            }
            // Its room is used again; a line may have been secret.
            self.line = wiped(line);
        }
        self.push(rest);
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.line.len() + bytes.len() > LINE {
            if self.line.starts_with(&self.prefix) {
                self.garble("a line is too long");
            }
            self.line.clear();
            self.skipping = true;
        }
        if !self.skipping {
            self.line.extend_from_slice(bytes);
        }
    }

    fn whole(&mut self, line: &[u8], heard: &mut dyn FnMut(Said)) {
        let Some(said) = line.strip_prefix(self.prefix.as_slice()) else {
            return self.other(line);
        };
        self.lines += 1;
        if let Some(more) = said.strip_prefix(b"+ ") {
            return self.go_on(more);
        }
        self.close(heard);
        // A reply, and with it the text that may follow, is only known to be whole by the next line; a reply without
        // text is whole at once.
        let open = Open { head: said.to_vec(), text: Vec::new() };
        if takes_text(said) {
            self.open = Some(open);
        } else {
            self.act(&open, heard);
        }
    }

    fn go_on(&mut self, more: &[u8]) {
        self.held += more.len() + 1;
        if self.held > TEXT {
            return self.garble("a text is too long");
        }
        match &mut self.open {
            Some(open) => {
                open.text.push(b'\n');
                open.text.extend_from_slice(more);
            }
            None => self.garble("a text goes on that never began"),
        }
    }

    /// Ends a text that may have gone on.
    fn close(&mut self, heard: &mut dyn FnMut(Said)) {
        if let Some(open) = self.open.take() {
            self.act(&open, heard);
        }
    }

    /// What is not of this exec: the receiving command's own words, or noise.
    fn other(&mut self, line: &[u8]) {
        if line == crate::READY.as_bytes() {
            self.ready = true;
        } else if line == b"coracle full" && self.ready {
            self.full = true;
        } else if let (Some(counts), true) = (line.strip_prefix(b"coracle broken"), self.ready) {
            self.broken = Some(String::from_utf8_lossy(counts).trim().to_owned());
        } else if !line.is_empty() {
            self.noise.extend_from_slice(&line[line.len().saturating_sub(NOISE)..]);
            self.noise.push(b'\n');
            let surplus = self.noise.len().saturating_sub(NOISE);
            self.noise.drain(..surplus);
        }
    }

    fn garble(&mut self, why: impl Into<String>) {
        self.garbled.get_or_insert_with(|| why.into());
    }

    fn end(&mut self, reply: StepReply, heard: &mut dyn FnMut(Said)) {
        let Some(index) = self.current.filter(|_| !self.ended) else {
            return self.garble("a step ended that had not begun");
        };
        self.ended = true;
        self.evidence = Evidence::default();
        self.held = 0;
        heard(Said::Ended(self.steps[index].0.clone(), reply));
    }

    fn begin(&mut self, index: &str, heard: &mut dyn FnMut(Said)) {
        let next = self.current.map_or(0, |current| current + 1);
        match (index.parse::<usize>(), self.steps.get(next)) {
            (Ok(index), Some((id, _))) if index == next && self.ended => {
                self.current = Some(next);
                self.ended = false;
                heard(Said::Began(id.clone()));
            }
            _ => self.garble(format!("step {index:?} began out of turn")),
        }
    }
}

/// Whether lines may follow that go on with this one's text.
fn takes_text(said: &[u8]) -> bool {
    !(said.starts_with(b"b ")
        || said.starts_with(b"o | ")
        || said.starts_with(b"e ") && step::has_no_text(said)
        || said == b"done")
}

fn wiped(line: Vec<u8>) -> Vec<u8> {
    drop(Secret::new(line));
    Vec::new()
}

fn fault_of(word: &str, detail: String) -> HostFault {
    let cause = match word {
        "busy" => Cause::Busy,
        "disk-full" => Cause::DiskFull,
        "unsupported" => Cause::Unsupported,
        _ => Cause::Garbled,
    };
    HostFault::new(cause, detail)
}
