//! Waiting until no revert is armed on a host: its own guard of an earlier run either fires or is gone.
//!
//! Owns: looking at one host again and again. Must not: disarm anything.

use std::time::Duration;

use model::{
    NodeName,
    op::Survey,
    reply::{Failure, FailureKind},
};

use super::news::{Inbox, News};
use crate::{World, observe::once};

const PAUSE: Duration = Duration::from_secs(2);

/// Looks until no revert is armed or the limit is over. A host that does not answer in between is waited for too:
/// the revert itself may reload sshd.
pub(super) async fn wait<'a>(
    world: &'a World<'a>,
    inbox: &'a Inbox<'a>,
    place: usize,
    host: &'a NodeName,
    limit: Duration,
) -> News<'a> {
    let deadline = world.clock.now() + limit;
    loop {
        let seen = match once(world, host, &Survey::default(), None).await {
            Ok((facts, _)) => match facts.volatile.guard {
                None => return News::Guard(place, host, Some(Ok(()))),
                Some(guard) => format!("a revert is armed on {host}, and fires in {} s", guard.left),
            },
            Err(fault) => fault.to_string(),
        };
        let left = deadline.saturating_sub(world.clock.now());
        if left.is_zero() {
            let text = format!("waited {} s, and still: {seen}", limit.as_secs());
            return News::Guard(place, host, Some(Err(Failure::new(FailureKind::Deadline, text))));
        }
        inbox.put(News::Seen(place, seen, left));
        if !world.pause(left.min(PAUSE)).await {
            return News::Guard(place, host, None);
        }
    }
}
