//! Hosts that answered a moment ago and do not now: most of them only reboot.
//!
//! Owns: how long they are looked for. Must not: plan, or judge any other look.

use std::{collections::BTreeMap, pin::pin, time::Duration};

use futures::future::select;
use model::{
    NodeName,
    event::What,
    facts::{Facts, Seen},
    fault::Cause,
    op::Survey,
    report::{Finding, Weight},
};

use crate::{Run, World, observe};

/// How long a host may take to come back: a small machine boots in less.
const REBOOT: Duration = Duration::from_mins(1);
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(10);

/// Whether a host that ails of this may be back soon: its connection broke, or it boots and is silent or refuses.
pub(crate) fn passes(cause: Cause) -> bool {
    matches!(cause, Cause::Lost | Cause::TimedOut | Cause::Refused | Cause::NoRoute)
}

/// Looks at the world again while a host is away that answered before this run changed anything, for a minute at most.
/// A host is waited for once: it is dark in `before` the next time.
pub(crate) async fn wait(
    world: &World<'_>,
    run: &Run,
    surveys: &BTreeMap<NodeName, Survey>,
    servers: &[NodeName],
    before: &Facts,
    mut facts: Facts,
) -> Facts {
    let away = away(before, &facts);
    if away.is_empty() {
        return facts;
    }
    for host in away {
        world.tell(What::Found { finding: gone(&host) });
    }
    let end = world.clock.now() + REBOOT;
    while !self::away(before, &facts).is_empty() && world.clock.now() < end && !world.halt.asked() {
        select(world.clock.sleep(PAUSE), pin!(world.halted())).await;
        facts = observe(world, surveys, servers, Some(run)).await;
    }
    facts
}

/// The hosts that answered and do not now, for a reason that may pass.
fn away(before: &Facts, now: &Facts) -> Vec<NodeName> {
    let answered = |host: &NodeName| matches!(before.hosts.get(host), Some(Seen::Known(_)));
    let silent =
        now.hosts.iter().filter(|(_, seen)| matches!(seen, Seen::Dark(fault) if passes(fault.cause)));
    silent.map(|(host, _)| host).filter(|host| answered(host)).cloned().collect()
}

fn gone(host: &NodeName) -> Finding {
    Finding {
        host: Some(host.clone()),
        code: "host-gone".to_owned(),
        weight: Weight::Note,
        text: format!(
            "{host} answered a moment ago and does not now; it is looked for again for {} s, in case it reboots",
            REBOOT.as_secs()
        ),
        cure: "nothing, if it comes back".to_owned(),
    }
}
