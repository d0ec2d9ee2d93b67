//! Waiting for what the Kubernetes API says: one look serves every step that waits.
//!
//! Owns: when to look again, and when to give up. Must not: judge (`Await::judge`).

use std::{cell::Cell, collections::BTreeMap, rc::Rc, time::Duration};

use futures::future::{Either, LocalBoxFuture, select};
use model::{
    NodeName,
    facts::{Api, KubeFacts},
    op::KubeOp,
    plan::Await,
    reply::{Failure, FailureKind, KubeReply},
};

use super::news::News;
use crate::World;

/// The first pause between two looks; it grows by half each time.
const QUICK: Duration = Duration::from_millis(500);
/// The longest pause between two looks.
const SLOW: Duration = Duration::from_secs(3);
/// How long one look may take before it counts as no answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// One waiting step.
struct Wait<'a> {
    until: &'a Await,
    limit: Duration,
    deadline: Duration,
    /// What was last seen instead.
    seen: String,
}

/// All waiting steps.
pub(super) struct Watch<'a> {
    world: &'a World<'a>,
    waiting: BTreeMap<usize, Wait<'a>>,
    pace: Duration,
    /// The number of the look that counts; a newer one makes older ones void.
    current: Rc<Cell<u64>>,
}

/// What a look means for one waiting step.
pub(super) enum Verdict {
    /// It is so.
    So,
    /// Not yet; what is seen instead, when that is new, and the time left.
    NotYet(String, Duration),
    /// The time is over.
    Late(Failure),
}

impl<'a> Watch<'a> {
    /// Nobody waits.
    pub(super) fn new(world: &'a World<'a>) -> Self {
        Self { world, waiting: BTreeMap::new(), pace: QUICK, current: Rc::default() }
    }

    /// A step begins to wait.
    pub(super) fn join(&mut self, place: usize, until: &'a Await, limit: Duration) {
        let deadline = self.world.clock.now() + limit;
        self.waiting.insert(place, Wait { until, limit, deadline, seen: String::new() });
        self.pace = QUICK;
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Nobody waits any more: those who did.
    pub(super) fn clear(&mut self) -> Vec<usize> {
        self.current.set(self.current.get() + 1);
        std::mem::take(&mut self.waiting).into_keys().collect()
    }

    /// A look at once, or after the usual pause; it makes earlier ones void.
    pub(super) fn look(&mut self, servers: &[NodeName], at_once: bool) -> LocalBoxFuture<'a, News<'a>> {
        let mine = self.current.get() + 1;
        self.current.set(mine);
        let now = self.world.clock.now();
        let nearest = self.waiting.values().map(|wait| wait.deadline).min().unwrap_or(now);
        let pause = if at_once { Duration::ZERO } else { self.pace.min(nearest.saturating_sub(now)) };
        if !at_once {
            self.pace = (self.pace * 3 / 2).min(SLOW);
        }
        let (world, current, servers) = (self.world, Rc::clone(&self.current), self.asked(servers));
        Box::pin(async move {
            if !pause.is_zero() {
                world.clock.sleep(pause).await;
            }
            if current.get() != mine {
                return News::Looked(mine, None);
            }
            let ask = world.kube.ask(&servers, &KubeOp::Observe);
            match select(ask, world.clock.sleep(PATIENCE)).await {
                Either::Left((reply, _)) => News::Looked(mine, Some(reply)),
                Either::Right(_) => News::Looked(mine, None),
            }
        })
    }

    /// Those the plan names, and those whose own endpoint is waited for.
    fn asked(&self, servers: &[NodeName]) -> Vec<NodeName> {
        let mut asked = servers.to_vec();
        for wait in self.waiting.values() {
            if let Await::ApiReady(server) = wait.until
                && !asked.contains(server)
            {
                asked.push(server.clone());
            }
        }
        asked
    }

    /// Judges a look for every waiting step. `None` when it is void.
    pub(super) fn judge(
        &mut self,
        look: u64,
        reply: Option<Result<KubeReply, Failure>>,
    ) -> Option<Vec<(usize, Verdict)>> {
        if look != self.current.get() {
            return None;
        }
        let seen = match reply {
            Some(Ok(KubeReply::Observed(facts))) => Ok(facts),
            Some(Ok(_)) => Err("the API answered without facts".to_owned()),
            Some(Err(failure)) => Err(format!("no API answers: {}", failure.detail)),
            None => Err(format!("no API answers within {} s", PATIENCE.as_secs())),
        };
        let now = self.world.clock.now();
        let mut verdicts = Vec::new();
        self.waiting.retain(|place, wait| {
            let verdict = wait.judge(&seen, now);
            let stays = matches!(verdict, None | Some(Verdict::NotYet(..)));
            verdicts.extend(verdict.map(|verdict| (*place, verdict)));
            stays
        });
        if verdicts.iter().any(|(_, verdict)| matches!(verdict, Verdict::So)) {
            self.pace = QUICK;
        }
        Some(verdicts)
    }
}

impl Wait<'_> {
    /// `None` when nothing is new.
    fn judge(&mut self, seen: &Result<KubeFacts, String>, now: Duration) -> Option<Verdict> {
        let judged = match seen {
            Ok(facts) => self.until.judge(facts).map_err(|text| with_api(text, facts)),
            Err(text) => Err(text.clone()),
        };
        let Err(text) = judged else { return Some(Verdict::So) };
        if now >= self.deadline {
            let text = format!("waited {} s, and still: {text}", self.limit.as_secs());
            return Some(Verdict::Late(Failure::new(FailureKind::Deadline, text)));
        }
        if text == self.seen {
            return None;
        }
        self.seen.clone_from(&text);
        Some(Verdict::NotYet(text, self.deadline.saturating_sub(now)))
    }
}

/// When no API answers, each endpoint's own word says more.
fn with_api(text: String, facts: &KubeFacts) -> String {
    let down = facts.apis.iter().filter_map(|(server, api)| match api {
        Api::Down(why) if !text.contains(why.as_str()) => Some(format!("{server}: {why}")),
        _ => None,
    });
    let down: Vec<_> = if facts.answers() { Vec::new() } else { down.collect() };
    if down.is_empty() { text } else { format!("{text} ({})", down.join("; ")) }
}
