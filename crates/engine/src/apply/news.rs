//! What tasks tell the walk.
//!
//! Owns: the one queue through which running tasks and the walk meet. Must not: interpret what passes through.

use std::{cell::RefCell, collections::VecDeque, time::Duration};

use model::{
    NodeName,
    fault::HostFault,
    reply::{Failure, KubeReply, StepReply},
};

/// Something has happened. Steps are named by their place in the plan.
pub(super) enum News<'a> {
    /// A step has begun on its host.
    Began(usize),
    /// A host has answered for a step.
    Answered(usize, Box<StepReply>),
    /// A host has answered for the cluster lock.
    Lock(&'a NodeName, Result<(), Failure>),
    /// A stage is over.
    Stage(&'a NodeName, Result<(), HostFault>),
    /// The API has answered for a step.
    Kube(usize, Result<KubeReply, Failure>),
    /// A look for the waiting steps is over; `None` when it took too long. With the number of the look.
    Looked(u64, Option<Result<KubeReply, Failure>>),
    /// Something is seen that is not what a step waits for, and this much time is left.
    Seen(usize, String, Duration),
    /// A wait for a revert is over; `None` when it was cut short.
    Guard(usize, &'a NodeName, Option<Result<(), Failure>>),
    /// A fresh login was tried.
    Proved(usize, Result<(), HostFault>),
}

/// The queue of what has happened and was not looked at yet.
#[derive(Default)]
pub(super) struct Inbox<'a>(RefCell<VecDeque<News<'a>>>);

impl<'a> Inbox<'a> {
    pub(super) fn put(&self, news: News<'a>) {
        self.0.borrow_mut().push_back(news);
    }

    pub(super) fn take(&self) -> Option<News<'a>> {
        self.0.borrow_mut().pop_front()
    }
}
