//! `coracle destroy`.

use model::NodeName;
use plan::destroy::Leave;

use super::{Session, real::Job};
use crate::{
    failure::{Ending, Failure},
    run::{aim::Goal, carry::Permission},
};

/// Take a node out of the cluster, or the whole cluster off its hosts
///
/// Without NODE, gives every host back as it was before coracle came: the cluster and everything in it is gone. Asks
/// for the name to be typed.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The node to take out; without it, the whole cluster goes
    #[arg(value_name = "NODE")]
    node: Option<NodeName>,

    /// The name of what is destroyed, instead of typing it when asked
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,

    /// Go from three servers to two, or take a member out although another ails
    #[arg(long)]
    force: bool,

    /// Delete volumes on the hosts too
    #[arg(long)]
    prune_data: bool,
}

pub(crate) fn run(session: &Session, args: &Args) -> Result<Ending, Failure> {
    let job = Job::read(session)?;
    if !session.global.on.is_empty() {
        return Err(Failure::usage("destroy takes the name of one node, or none for the cluster; not --on"));
    }
    let name = args.node.as_ref().map_or_else(|| job.cluster.name.to_string(), ToString::to_string);
    let permission = match &args.confirm {
        Some(typed) if *typed == name => Permission::Given,
        Some(typed) => {
            return Err(Failure::usage(format!(
                "--confirm {typed} is not the name of what would go: {name}"
            )));
        }
        None if session.place.can_ask() => Permission::Typed(name),
        None => {
            return Err(Failure::usage(format!("this would destroy {name}, and nobody is here to be asked"))
                .hint(format!("run it in a terminal, or with --confirm {name}; --yes is not enough")));
        }
    };
    let leave = Leave { force: args.force, volumes: args.prune_data };
    let goal = match &args.node {
        Some(node) => Goal::LeaveNode(node.clone(), leave),
        None => Goal::LeaveCluster(leave),
    };
    let aim = job.aim(session, goal, false)?;
    job.carry(session, &aim, &permission)?;
    Ok(Ending::Done)
}
