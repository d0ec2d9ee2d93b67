//! Whatever a host answers, in whatever pieces: replies in the order of their steps, and a verdict.
//!
//! The first byte says in which pieces the rest arrives. A line that begins with `~` is one of the protocol.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use model::{
    condition::Condition,
    op::{HostOp, Look, Survey},
    plan::StepId,
    port::{Exec, ExecStep},
    reply::Said,
};

fn exec() -> Exec {
    let survey = Survey {
        paths: [("/etc/motd", Look::Digest), ("/etc/issue", Look::Text(None)), ("/root/key", Look::Secret(None))]
            .map(|(path, look)| (path.to_owned(), look))
            .into(),
        packages: vec!["chrony".into()],
        services: vec!["k3s".into(), "ssh".into()],
        sysctls: vec!["vm.swappiness".into()],
        modules: vec!["br_netfilter".into()],
        verify: false,
        kubeconfig: true,
    };
    let ops = [HostOp::Observe(survey), HostOp::ReadSecret { path: "/root/key".into() }, HostOp::KillK3s];
    let step = |op: HostOp| ExecStep {
        id: StepId::parse(op.name()),
        op,
        was: Condition::Holds,
        own: None,
        bodies: Vec::new(),
    };
    Exec { steps: ops.map(step).into() }
}

/// What lines of the protocol begin with: it follows from what is sent.
static NONCE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let (input, _) = host::encode(&exec(), None).expect("it can be sent");
    let sent = input.archive.expose();
    let at = sent.windows(3).position(|window| window == b"\nn=" || window == b"\0n=").expect("it is there") + 3;
    let end = sent[at..].iter().position(|byte| *byte == b'\n').expect("the line ends") + at;
    [&sent[at..end], b" "].concat()
});

fuzz_target!(|bytes: &[u8]| {
    let Some((size, reply)) = bytes.split_first() else { return };
    let mut answer = b"\ncoracle ready\n".to_vec();
    for line in reply.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_prefix(b"~") {
            Some(rest) => answer.extend(NONCE.iter().chain(rest)),
            None => answer.extend(line),
        }
    }
    let exec = exec();
    let (_, mut decoder) = host::encode(&exec, None).expect("it can be sent");
    let (mut began, mut ended) = (0, 0);
    let mut heard = |said: Said| match said {
        Said::Began(id) => {
            assert_eq!(id, exec.steps[began].id);
            began += 1;
            assert_eq!(began, ended + 1);
        }
        Said::Ended(id, reply) => {
            assert_eq!(id, exec.steps[ended].id);
            ended += 1;
            assert_eq!(began, ended);
            let _ = format!("{reply:?}");
        }
    };
    for piece in answer.chunks(usize::from(*size).max(1)) {
        decoder.feed(piece, &mut heard);
    }
    let _ = decoder.finish(Some(0), b"", &mut heard);
});
