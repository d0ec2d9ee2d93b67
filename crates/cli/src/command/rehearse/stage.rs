//! The stage of a rehearsal: its world, its first and its last words.

use std::fmt::Write as _;

use engine::Converged;
use model::{facts::Facts, lock::Lock};
use sim::{Fault, Shared, When, World};
use spec::cluster::Cluster;

use super::{Args, From};
use crate::{
    command::{Session, real::Job},
    failure::{Failure, Kind},
    output,
    run::aim::Goal,
    source,
    ui::{paint::Tone, span},
};

/// What `--fault` takes, for its help.
pub(crate) fn fault_help() -> String {
    let mut help = "\
What goes wrong; may be given several times. VERB [HOST] [AMOUNT] [for SPAN], and when: at SPAN, after N steps, or at \
step TEXT (when a step of that name ends). As in \"reboot harbor-2 at 30s\" or \"hang harbor-2 for 1m after 5 steps\".\n"
        .to_owned();
    for (_, meaning) in sim::VERBS {
        let _ = write!(help, "\n  {meaning}");
    }
    help
}

/// The world to begin with, with its faults.
pub(super) fn build(
    session: &Session,
    cluster: &Cluster,
    lock: &Lock,
    args: &Args,
) -> Result<Shared, Failure> {
    let mut world = match &args.from {
        From::Empty => World::from_cluster(cluster, args.seed),
        From::Live => like(cluster, &live(session)?, args.seed),
        From::File(path) => {
            let bytes = source::read(path)?;
            read(&bytes, cluster, args.seed).map_err(|why| {
                let text = format!("{} is no world to rehearse in: {why}", path.display());
                Failure::new(Kind::ClusterFile, text).hint("`coracle rehearse --save FILE` writes one")
            })?
        }
    };
    world.give_up_unnamed(cluster.nodes.iter().map(|node| &node.name));
    world.stock(lock);
    for new in world.add_missing(cluster) {
        output::to_stderr(&format!("{new} is not in that world: an empty machine stands for it.\n"));
    }
    for fault in &args.fault {
        world
            .add_fault(fault.clone().counted_from(&world))
            .map_err(|why| Failure::usage(format!("--fault {fault}: {why}")))?;
    }
    Ok(world.share())
}

/// A world that was saved, or one that looks like facts that were.
fn read(bytes: &[u8], cluster: &Cluster, seed: u64) -> Result<World, String> {
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if value.get("world").is_some() {
        return World::from_snapshot(serde_json::from_value(value).map_err(|error| error.to_string())?);
    }
    let facts = serde_json::from_value(value).map_err(|error| error.to_string())?;
    Ok(like(cluster, &facts, seed))
}

fn like(cluster: &Cluster, facts: &Facts, seed: u64) -> World {
    let mut world = World::from_facts(facts, seed);
    world.acquaint(cluster);
    world
}

/// The real machines as they are now; they are only looked at.
fn live(session: &Session) -> Result<Facts, Failure> {
    let job = Job::read(session)?;
    let aim = job.aim(session, Goal::Converge, false)?;
    job.look(session, &aim)
}

/// The first words.
pub(super) fn opening(session: &Session, cluster: &Cluster, args: &Args) -> String {
    let paint = session.paint_err();
    let servers = cluster.servers().count();
    let agents = cluster.nodes.len() - servers;
    let mut size = span::count(servers, "server");
    if agents > 0 {
        let _ = write!(size, " and {}", span::count(agents, "agent"));
    }
    let from = match &args.from {
        From::Empty => "from empty machines".to_owned(),
        From::Live => "from the machines as they are now".to_owned(),
        From::File(path) => format!("from {}", path.display()),
    };
    let name = paint.tone(Tone::Strong, cluster.name.as_str());
    let rest =
        paint.tone(Tone::Faint, "A rehearsal: no real machine is touched, and times are rehearsed ones.");
    format!("Rehearsing {name}: {size} with k3s {}, {from}.\n{rest}\n\n", cluster.kubernetes.version)
}

/// Why a fault that was asked for has not struck by the end.
pub(super) fn why_not(world: &Shared, fault: &Fault) -> String {
    let world = world.borrow();
    match &fault.when {
        When::AtTime(_) => format!("the run was over after {}", span::took(world.now())),
        When::AfterSteps(_) => {
            let steps = usize::try_from(world.steps_ended()).unwrap_or(usize::MAX);
            format!("only {} ended", span::count(steps, "step"))
        }
        When::AtStep(_) => {
            "no step of such a name ended; `coracle plan -o json` and -v show their names".to_owned()
        }
    }
}

/// The last words of a rehearsal that went well.
pub(super) fn closing(session: &Session, world: &Shared, converged: &Converged) -> String {
    let paint = session.paint_err();
    let time = span::took(world.borrow().now());
    let sign = paint.tone(Tone::Good, "✓");
    let nodes = &converged.facts.kube.nodes;
    let ready = nodes.values().filter(|node| node.ready).count();
    let registered = match nodes.len() - ready {
        0 => String::new(),
        waiting => format!(", {waiting} registered and waiting for a CNI"),
    };
    let text = format!("{} Ready{registered} after {time} of rehearsed time.", span::count(ready, "node"));
    let head = paint.tone(Tone::Strong, &text);
    let file = session.global.file.display();
    let file = if file.to_string() == "coracle.yaml" { String::new() } else { format!(" -f {file}") };
    let plan = paint.tone(Tone::Name, &format!("coracle plan{file}"));
    format!(
        "\n{sign} {head} Looking again finds nothing left to do.\n\
         Next: put your own machines into the file; {plan} shows what would change on them.\n"
    )
}
