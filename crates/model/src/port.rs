//! The ports: one-method traits through which the engine reaches a world.
//!
//! Nothing here needs threads: futures are local to one.

use std::time::Duration;

use futures::future::LocalBoxFuture;
use spec::{cluster::SecretRef, name::NodeName};

use crate::{
    condition::Condition,
    digest::Sha256,
    event::Event,
    fault::HostFault,
    op::{HostOp, KubeOp},
    plan::StepId,
    reply::{Failure, KubeReply, Said},
    resource::ResourceId,
    secret::Secret,
};

/// Steps that one host works through in one exec, in order; the first failure ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exec {
    /// The steps.
    pub steps: Vec<ExecStep>,
}

/// One step of an exec, with everything it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecStep {
    /// Its name, which the host repeats.
    pub id: StepId,
    /// What is done.
    pub op: HostOp,
    /// What must hold before, unless its end is already reached.
    pub was: Condition,
    /// The resource to record as owned, when it is to be.
    pub own: Option<ResourceId>,
    /// The bytes that go with it: resolved content, offered contents of a survey in path order, or a chunk.
    pub bodies: Vec<Body>,
}

/// Bytes that go with a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The bytes; kept as a secret whether they are or not.
    pub bytes: Secret,
    /// Whether they are secret, so that their digest must be keyed.
    pub secret: bool,
}

/// A world's hosts.
pub trait Hosts {
    /// Has a host work through an exec. `heard` is called as the host speaks. `Ok` means that the exec ended by
    /// itself, whatever its steps said; after an error, steps that began and did not end may be half done.
    fn exec<'a>(
        &'a self,
        host: &'a NodeName,
        exec: Exec,
        heard: &'a mut dyn FnMut(Said),
    ) -> LocalBoxFuture<'a, Result<(), HostFault>>;
}

/// Proof that the operator can log in.
pub trait Access {
    /// Logs in afresh, past any open connection.
    fn prove<'a>(&'a self, host: &'a NodeName) -> LocalBoxFuture<'a, Result<(), HostFault>>;
}

/// A world's Kubernetes API.
pub trait Kube {
    /// Asks through the given servers, in order of preference.
    fn ask<'a>(
        &'a self,
        servers: &'a [NodeName],
        op: &'a KubeOp,
    ) -> LocalBoxFuture<'a, Result<KubeReply, Failure>>;
}

/// Artefacts on the operator's side, for hosts that are sent theirs.
pub trait Artifacts {
    /// Up to `limit` bytes of an artefact from `offset`, fetching it first if need be, and its whole length.
    fn read<'a>(
        &'a self,
        sha256: &'a Sha256,
        url: &'a str,
        offset: u64,
        limit: usize,
    ) -> LocalBoxFuture<'a, Result<(Vec<u8>, u64), Failure>>;
}

/// The operator's secrets.
pub trait Secrets {
    /// The value behind a reference; the error says what is missing.
    fn look(&self, reference: &SecretRef) -> Result<Secret, String>;
}

/// Time.
pub trait Clock {
    /// Time since some fixed moment; never goes back.
    fn now(&self) -> Duration;
    /// Seconds since 1970.
    fn epoch(&self) -> u64;
    /// Lets time pass.
    fn sleep<'a>(&'a self, span: Duration) -> LocalBoxFuture<'a, ()>;
}

/// Where events go.
pub trait Events {
    /// Takes one event.
    fn tell(&self, event: Event);
}

/// Whether the operator wants to stop.
pub trait Halt {
    /// Becomes true once and stays so.
    fn asked(&self) -> bool;
}
