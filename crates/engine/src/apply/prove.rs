//! Proves that the operator can still log in, while a guard is armed.
//!
//! Owns: how often that is tried. Must not: disarm the guard; the next step does, if this one succeeds.

use std::time::Duration;

use model::NodeName;

use super::news::News;
use crate::World;

/// Pauses between tries: sshd may still be reloading.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// Logs in afresh, a few times within half the guard's window: the other half is left to disarm it. A wish to stop ends
/// nothing here: the host would take the change back.
pub(super) async fn prove<'a>(
    world: &'a World<'a>,
    place: usize,
    host: &'a NodeName,
    window: Duration,
) -> News<'a> {
    let end = world.clock.now() + window / 2;
    let mut pauses = PAUSES.into_iter();
    loop {
        let proved = world.access.prove(host).await;
        let pause = pauses.next().filter(|pause| world.clock.now() + *pause < end);
        match (&proved, pause) {
            (Err(_), Some(pause)) => world.clock.sleep(pause).await,
            _ => return News::Proved(place, proved),
        }
    }
}
