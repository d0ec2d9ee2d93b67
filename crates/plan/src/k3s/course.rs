//! Founding, growing, or starting cold: decided from evidence, never from the order of a list.

use std::collections::BTreeSet;

use spec::name::NodeName;

use super::{
    config::Form,
    evidence::{Evidence, Life},
};

/// What kind of work the cluster needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    /// No host has data: this server makes the cluster.
    Found(NodeName),
    /// The API answers at this server: others join through it.
    Grow(NodeName),
    /// Servers have data and none answers: all that can are started at once. Others join through the named one.
    StartCold(NodeName),
    /// Nothing can be started: hosts are only prepared, for this reason.
    Wait(&'static str),
}

/// Decides the course.
pub(crate) fn decide(evidence: &Evidence<'_>, barred: &BTreeSet<NodeName>) -> Course {
    let usable = |name: &NodeName| !barred.contains(name);
    let answering = evidence.members().find(|place| place.api && usable(place.name()));
    if let Some(place) = answering {
        return Course::Grow(place.name().clone());
    }
    let member = evidence.members().find(|place| usable(place.name()));
    if let Some(place) = member {
        return Course::StartCold(place.name().clone());
    }
    if evidence.servers().any(|place| place.life == Life::Member) {
        return Course::Wait("the servers that have the cluster's data are refused");
    }
    if !evidence.dark_servers.is_empty() {
        return Course::Wait("a server that does not answer may hold the cluster's data");
    }
    if !evidence.barred_servers.is_empty() {
        return Course::Wait("a server that is refused may hold a cluster's data");
    }
    if evidence.servers().any(|place| place.removed) {
        return Course::Wait("a server was a member of a cluster that no server of the file holds");
    }
    // A founder whose run died before k3s had data keeps its office, for it may be starting just now; otherwise the first
    // by name takes it.
    let servers: Vec<_> = evidence.servers().collect();
    let begun: Vec<_> =
        servers.iter().copied().filter(|place| place.form_now() == Some(Form::Found)).collect();
    let heirs = if begun.is_empty() { &servers } else { &begun };
    match heirs.iter().find(|place| usable(place.name())) {
        Some(place) => Course::Found(place.name().clone()),
        None if begun.is_empty() => Course::Wait("no server can be worked on"),
        None => Course::Wait("the server that has begun to found the cluster is refused"),
    }
}
