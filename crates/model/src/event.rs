//! What happens during a run: the only road to the screen, the JSON stream and the journal.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use spec::name::NodeName;

use crate::{
    fault::HostFault,
    plan::{ChangeKind, StepId},
    reply::Failure,
    report::{Finding, Weight},
};

/// One event and when it happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Time since the run began.
    #[serde(with = "seconds")]
    pub at: Duration,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "event")]
pub enum What {
    /// A round of observing, planning and applying begins. The first is 1.
    Round {
        /// Its number.
        round: u32,
    },
    /// A host is being looked at.
    Observing {
        /// Which.
        host: NodeName,
    },
    /// A host has answered.
    Observed {
        /// Which.
        host: NodeName,
    },
    /// A host gave no answer.
    Dark {
        /// Which.
        host: NodeName,
        /// Why.
        fault: HostFault,
    },
    /// The API was asked.
    KubeObserved {
        /// How many server endpoints are ready.
        ready: usize,
        /// How many nodes there are.
        nodes: usize,
    },
    /// A plan was made.
    Planned {
        /// Number of steps.
        steps: usize,
        /// Number of steps by host, of those that have any.
        hosts: BTreeMap<NodeName, usize>,
    },
    /// Planning found something.
    Found {
        /// What.
        finding: Finding,
    },
    /// An exec begins on a host.
    Stage {
        /// Which host.
        host: NodeName,
        /// How many steps it carries.
        steps: usize,
    },
    /// A step begins.
    Began {
        /// Which.
        step: StepId,
        /// On which host.
        host: NodeName,
        /// One line for people.
        title: String,
    },
    /// A step has ended.
    Ended {
        /// Which.
        step: StepId,
        /// On which host.
        host: NodeName,
        /// One line for people, also for a step that never began.
        title: String,
        /// What the step does to the thing that its title names.
        change: ChangeKind,
        /// How.
        outcome: Outcome,
        /// How long it took.
        #[serde(with = "seconds")]
        took: Duration,
    },
    /// A waiting step still waits.
    Waiting {
        /// Which.
        step: StepId,
        /// What is seen instead.
        seen: String,
        /// Time left.
        #[serde(with = "seconds")]
        left: Duration,
    },
    /// Bytes of an artefact are on their way to a host.
    Sending {
        /// Which step.
        step: StepId,
        /// Bytes there.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The operator asked to stop; running steps are let end.
    Stopping,
    /// Something the rehearsal did to its world.
    Fault {
        /// In words.
        text: String,
    },
    /// The run is over.
    Over {
        /// How it ended.
        end: End,
    },
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum Outcome {
    /// Done.
    Changed,
    /// Nothing was to do.
    Unchanged,
    /// Could not be done.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// The host stopped answering while it ran: it may be half done.
    Broken {
        /// Why.
        fault: HostFault,
    },
    /// Not begun, because this step did not succeed.
    Blocked {
        /// Which.
        by: StepId,
    },
    /// Not begun, because its host does not answer.
    Dark {
        /// Why.
        fault: HostFault,
    },
    /// Not begun, because the run was stopped.
    Stopped,
}

impl Outcome {
    /// Whether steps that need this one may go on.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Changed | Self::Unchanged)
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub enum End {
    /// The world is as the file says.
    Converged {
        /// Steps that ended well, over all rounds: as many as were announced when nothing went wrong.
        done: usize,
        /// Those of them that changed something.
        changed: usize,
        /// Rounds it took.
        rounds: u32,
    },
    /// Something waits or is blocked by a finding of this weight.
    Open {
        /// The heaviest finding.
        weight: Weight,
    },
    /// Steps failed.
    Failed {
        /// Each failed or broken step.
        steps: Vec<StepId>,
    },
    /// The operator stopped it.
    Interrupted,
    /// It went on changing things round after round without an end.
    Restless {
        /// Rounds tried.
        rounds: u32,
    },
}

/// Spans of time as a number of seconds, which is what readers of a JSON stream expect.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// One division: a sum of seconds and their fraction would print with digits that nobody measured.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a run is shorter than the 2^53 microseconds that are exact"
    )]
    pub(super) fn serialize<S: Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(span.as_micros() as f64 / 1e6)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(from)?).map_err(D::Error::custom)
    }
}
