//! Plans that were saved and are carried out later: on the same machines, or not at all.
//!
//! Owns: the form of a saved plan, and refusing it on another world. What has changed on the right machines since
//! is no refusal: each step's own condition decides. Must not: plan anew.

use std::collections::BTreeMap;

use model::{
    ClusterName, NodeName,
    digest::Sha256,
    event::{End, What},
    facts::{Facts, HostFacts, Seen},
    fault::HostFault,
    op::{HostOp, Survey},
    plan::{Act, Plan},
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Applied, Run, World, apply, converge::planned, observe};

/// A plan and the machines it was made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// The plan.
    pub plan: Plan,
    /// Each host that answered when it was made.
    pub machines: BTreeMap<NodeName, Machine>,
    /// The digest of both, as they were saved.
    pub digest: Sha256,
}

/// What tells a machine from others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Its `/etc/machine-id`, if it has one.
    pub id: Option<String>,
    /// The cluster it belonged to, if any.
    pub owner: Option<Owner>,
}

/// The cluster a machine belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The cluster's name.
    pub cluster: ClusterName,
    /// The cluster's id.
    pub id: String,
}

/// Why a saved plan is not carried out. Nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Another version of coracle wrote it.
    #[error("the plan is of version {found}, and this coracle reads version {}", Plan::VERSION)]
    Version {
        /// The version it has.
        found: u32,
    },
    /// It is not what was saved.
    #[error("the plan is not what was saved: its digest differs")]
    Damaged,
    /// The judge objects to it as the world stands now.
    #[error("the plan would break a rule as things stand now: {why}")]
    Judged {
        /// Which rule, and how.
        why: String,
    },
    /// Whether the host still is the same machine cannot be seen.
    #[error("{host} does not answer, so the plan cannot be compared with it: {fault}")]
    Dark {
        /// Which host.
        host: NodeName,
        /// Why it does not answer.
        fault: HostFault,
    },
    /// The plan was made for another machine of that name.
    #[error("{host} is another machine than the one the plan was made for (its machine-id differs)")]
    Machine {
        /// Which host.
        host: NodeName,
    },
    /// The host belongs to another cluster than when the plan was made.
    #[error("{host} {now}, which it did not when the plan was made")]
    Owner {
        /// Which host.
        host: NodeName,
        /// What it belongs to now, as in `belongs to cluster harbor (1f…)`.
        now: String,
    },
}

/// What became of a saved plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// How the run ended.
    pub end: End,
    /// How each step ended.
    pub applied: Applied,
    /// The look at the world afterwards.
    pub facts: Facts,
    /// Hosts on which something had changed since the plan was made.
    pub drifted: Vec<NodeName>,
}

impl Refusal {
    /// What to do about it, as one sentence.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::Dark { fault, .. } => fault.cause.cure(),
            _ => "make the plan again with `coracle plan`",
        }
    }
}

impl Saved {
    /// A plan with the machines that these facts tell of.
    pub fn new(plan: Plan, facts: &Facts) -> Self {
        let known = |(host, seen): (&NodeName, &Seen)| match seen {
            Seen::Known(facts) => Some((host.clone(), machine(facts))),
            Seen::Dark(_) => None,
        };
        let machines = facts.hosts.iter().filter_map(known).collect();
        let digest = digest(&plan, &machines);
        Self { plan, machines, digest }
    }

    /// Reads a saved plan. The error says what is wrong with it, after "is not a plan that this coracle reads: ".
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let form: Form = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if let Some(found) = form.plan.version.filter(|version| *version != u64::from(Plan::VERSION)) {
            return Err(format!("it has version {found}; this coracle knows version {}", Plan::VERSION));
        }
        let saved: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        saved.is_whole().map_err(|refusal| refusal.to_string())?;
        Ok(saved)
    }

    /// Refuses a plan of another version, and one that was changed after it was saved.
    pub fn is_whole(&self) -> Result<(), Refusal> {
        if self.plan.version != Plan::VERSION {
            return Err(Refusal::Version { found: self.plan.version });
        }
        if digest(&self.plan, &self.machines) != self.digest {
            return Err(Refusal::Damaged);
        }
        Ok(())
    }

    /// Refuses the plan when a host it works on is not, or cannot be shown to be, the one it was made for.
    pub fn fits(&self, facts: &Facts) -> Result<(), Refusal> {
        self.is_whole()?;
        self.plan.hosts().into_iter().try_for_each(|host| match facts.hosts.get(host) {
            Some(Seen::Known(now)) => self.same(host, now),
            Some(Seen::Dark(fault)) => Err(Refusal::Dark { host: host.clone(), fault: fault.clone() }),
            None => Err(Refusal::Machine { host: host.clone() }),
        })
    }

    fn same(&self, host: &NodeName, now: &HostFacts) -> Result<(), Refusal> {
        let Some(was) = self.machines.get(host) else {
            return Err(Refusal::Machine { host: host.clone() });
        };
        let now = machine(now);
        if was.id.is_some() && was.id != now.id {
            return Err(Refusal::Machine { host: host.clone() });
        }
        if was.owner == now.owner || self.makes(host, now.owner.as_ref()) {
            return Ok(());
        }
        let now = match now.owner {
            Some(Owner { cluster, id }) => format!("belongs to cluster {cluster} ({id})"),
            None => "belongs to no cluster".to_owned(),
        };
        Err(Refusal::Owner { host: host.clone(), now })
    }

    /// Whether the plan itself brings the host to this owner: then an earlier try has got that far.
    fn makes(&self, host: &NodeName, owner: Option<&Owner>) -> bool {
        let mut ops = self.plan.steps.iter().filter(|step| step.host == *host).map(|step| &step.act);
        match owner {
            None => ops.any(|act| matches!(act, Act::Host(HostOp::Unclaim))),
            Some(now) => ops.any(|act| {
                matches!(act, Act::Host(HostOp::Claim { cluster, id, .. }) if *cluster == now.cluster && *id == now.id)
            }),
        }
    }

    /// The hosts of the plan on which something has changed since it was made.
    pub fn drifted(&self, facts: &Facts) -> Vec<NodeName> {
        let now = facts.fingerprint();
        let hosts = self.plan.hosts().into_iter();
        hosts.filter(|host| self.plan.fingerprint.get(host) != now.get(host)).cloned().collect()
    }
}

/// What every version of a saved plan has.
#[derive(Deserialize)]
struct Form {
    #[serde(default)]
    plan: PlanForm,
}

#[derive(Default, Deserialize)]
struct PlanForm {
    version: Option<u64>,
}

fn digest(plan: &Plan, machines: &BTreeMap<NodeName, Machine>) -> Sha256 {
    Sha256::of(&serde_json::to_vec(&(plan, machines)).expect("plans and machines always serialise"))
}

fn machine(facts: &HostFacts) -> Machine {
    let owned = facts.stable.owned.as_ref();
    let owner = owned.map(|owned| Owner { cluster: owned.cluster.clone(), id: owned.id.clone() });
    Machine { id: facts.stable.machine_id.clone(), owner }
}

/// Carries out a saved plan on the world it was made for, looks at it again and gives the cluster lock back.
///
/// `judge` is shown what stands there now, and says what speaks against the plan.
pub async fn apply_saved(
    world: &World<'_>,
    run: &Run,
    saved: &Saved,
    surveys: &BTreeMap<NodeName, Survey>,
    servers: &[NodeName],
    judge: &dyn Fn(&Facts) -> Option<String>,
) -> Result<Settled, Refusal> {
    world.tell(What::Round { round: 1 });
    let before = observe(world, surveys, servers, None).await;
    saved.fits(&before)?;
    if let Some(why) = judge(&before) {
        return Err(Refusal::Judged { why });
    }
    world.tell(planned(&saved.plan));
    let applied = apply(world, run, &saved.plan).await;
    let facts = observe(world, surveys, servers, Some(run)).await;
    let failed = applied.failed();
    let end = match (applied.halted, failed.is_empty()) {
        (true, _) => End::Interrupted,
        (false, false) => End::Failed { steps: failed },
        (false, true) => End::Converged { done: applied.done(), changed: applied.changed, rounds: 1 },
    };
    world.tell(What::Over { end: end.clone() });
    Ok(Settled { end, applied, facts, drifted: saved.drifted(&before) })
}
