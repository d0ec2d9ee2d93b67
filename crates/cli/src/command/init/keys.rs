//! Host keys for a new cluster file.
//!
//! Owns: which keys are pinned: those that the user's own list has, and those that a person accepts now.

use model::fault::Cause;
use ssh::{Destination, Offered, Standing};

use super::compose::{Draft, DraftNode};
use crate::{
    command::Session,
    failure::{Failure, Kind},
    output,
    ui::{ask, paint::Tone},
    world::real,
};

/// Pins the keys of all hosts that answer. A changed key is refused; one that nobody knows is pinned only when a
/// person says so.
pub(super) async fn pin(session: &Session, draft: &mut Draft, to: &[Destination]) -> Result<(), Failure> {
    let ssh = real::open(session, [], None)?;
    let scans = futures::future::join_all(to.iter().map(|to| ssh.scan(to))).await;
    for (node, scan) in draft.nodes.iter_mut().zip(scans) {
        match scan {
            Ok(offered) if pinned(session, node, &offered)? => node.host_key = Some(offered.key),
            Ok(_) => note(session, node, "its host key is not pinned; compare it and put it into `hostKey:`"),
            Err(fault) if fault.cause == Cause::KeyChanged => return Err(changed(node, &fault.to_string())),
            // The look that follows tells why.
            Err(_) => {}
        }
    }
    Ok(())
}

fn pinned(session: &Session, node: &DraftNode, offered: &Offered) -> Result<bool, Failure> {
    match offered.standing {
        Standing::Known => Ok(true),
        Standing::Changed => Err(changed(node, &offered.fingerprint)),
        Standing::Unknown if !session.place.can_ask() => Ok(false),
        Standing::Unknown => {
            let paint = session.paint_err();
            let name = paint.tone(Tone::Name, &node.ssh);
            let (kind, print) = (&offered.key.algorithm, &offered.fingerprint);
            output::to_stderr(&format!("\nThe host key of {name} is not known:\n  {kind} {print}\n"));
            Ok(ask::whether("Pin it?", paint))
        }
    }
}

fn note(session: &Session, node: &DraftNode, text: &str) {
    let name = session.paint_err().tone(Tone::Name, node.name.as_str());
    output::to_stderr(&format!("note: {name}: {text}\n"));
}

fn changed(node: &DraftNode, seen: &str) -> Failure {
    Failure::new(Kind::Refused, format!("{}: the host key is not the one in known_hosts: {seen}", node.ssh))
        .hint(Cause::KeyChanged.cure())
}
