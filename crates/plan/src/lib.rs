//! The planner: a cluster and what was observed go in; a plan, and a report of what it leaves open and why, come out.
//!
//! Owns: every decision. Pure and deterministic: the same inputs give the same plan, byte for byte. Must not: look
//! at the world, do anything, or leave a choice to whoever applies the plan.
//!
//! Reading order: [`plan`] here, then a domain (`os`, `k3s`: what is wanted), `host` (what is wanted against what is
//! there), `k3s/order` (which host may go when), and `check`, which judges finished plans and knows nothing of all that.

pub mod check;
pub mod destroy;
mod draft;
mod finding;
mod host;
mod k3s;
mod os;
mod preflight;
mod render;
mod seed;
mod site;
mod status;
mod survey;
mod want;

use model::{
    facts::Facts,
    lock::Lock,
    plan::Plan,
    report::{Report, Weight},
};
use spec::cluster::Cluster;

pub use check::{Objection, check};
pub use render::{Rendered, render};
pub use seed::Seed;
pub use status::{Item, State, status};
pub use survey::survey;

use draft::Draft;

/// What is wished for: everything a plan is made from, beside the facts.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// Which bytes each artefact consists of.
    pub lock: &'a Lock,
    /// Where names that must be new come from.
    pub seed: Seed,
    /// Whether owned files are hashed again.
    pub verify: bool,
    /// Whether the integrity record is made anew on hosts that have one.
    pub record_integrity: bool,
}

/// Makes the plan that brings the observed world to the wish, and says what it leaves open.
pub fn plan(wish: &Wish<'_>, facts: &Facts) -> (Plan, Report) {
    let mut draft = Draft::new();
    let sites = site::sites(wish, facts, &mut draft);
    for site in &sites {
        os::plan(wish, site, &mut draft);
    }
    k3s::plan(wish, facts, &sites, &mut draft);
    draft.finish(&wish.cluster.name, facts, k3s::endpoints(facts, &sites))
}

/// Where an artefact of a release is downloaded from, for this cluster.
pub fn artifact_url(cluster: &Cluster, version: &spec::cluster::Version, name: &str) -> String {
    k3s::binary_url(cluster, version, name)
}

/// Whether a report forbids applying any plan at all.
pub fn forbids(report: &Report) -> bool {
    report.findings.iter().any(|finding| finding.host.is_none() && finding.weight == Weight::Refused)
}
