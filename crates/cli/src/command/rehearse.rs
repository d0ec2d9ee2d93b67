//! `coracle rehearse`.

mod stage;

pub(crate) use stage::fault_help;

use std::{
    path::{Path, PathBuf},
    rc::Rc,
    str::FromStr,
};

use clap::ValueHint;
use engine::{Run, World as Ports};
use model::{lock::Lock, op::Holder, port::Events};
use plan::{Seed, Wish};
use sim::{EPOCH, Fault, Ran, Shared, Sim};
use spec::cluster::Cluster;

use super::Session;
use crate::{
    args::Output,
    failure::{Ending, Failure, Kind},
    output,
    run::{
        Listeners,
        aim::{Aim, Goal},
        carry::{self, Carried, Permission},
        tally::Tally,
    },
    source,
    ui::{change, finding, paint::Tone, screen::Screen, span, summary},
};

/// Carry the plan out in a simulated world, with faults if you like
///
/// Needs no hosts, no network and no lock. Prints the story as it runs, in rehearsed time, and how everything stands
/// at the end. The same seed tells the same story.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The world to begin with: `empty` machines, the `live` ones as they are now (they are only looked at), or a FILE
    /// that `plan --facts` or `rehearse --save` wrote
    #[arg(long, value_name = "empty|live|FILE", default_value = "empty")]
    from: From,

    /// Another number, another story
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// What goes wrong, as in "reboot harbor-2 at 30s"; may be given several times
    #[arg(long, value_name = "FAULT", long_help = stage::fault_help())]
    fault: Vec<Fault>,

    /// Save the world as it stands at the end, for another rehearsal
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    save: Option<PathBuf>,

    /// On a terminal, how many times faster than real time the story runs; 0 is as fast as it can
    #[arg(long, value_name = "TIMES", default_value_t = 12)]
    speed: u32,
}

/// The world to begin with.
#[derive(Clone, Debug)]
pub(crate) enum From {
    Empty,
    Live,
    File(PathBuf),
}

impl FromStr for From {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "empty" => Self::Empty,
            "live" => Self::Live,
            file => Self::File(file.into()),
        })
    }
}

/// An operator's process may die this often before the rehearsal gives up starting it again.
const LIVES: u32 = 20;

pub(crate) fn run(session: &Session, args: &Args) -> Result<Ending, Failure> {
    let cluster = session.cluster()?;
    let lock = session.lock()?.unwrap_or_else(|| sim::lock_for([&cluster.kubernetes.version]));
    let aim = aim(session, &cluster, &lock, args.seed)?;
    let world = stage::build(session, &cluster, &lock, args)?;
    let width = cluster.nodes.iter().map(|node| node.name.as_str().len()).max().unwrap_or(0);
    let screen = Rc::new(Screen::new(&session.global, &session.place, width).paced(args.speed));
    if session.global.output == Output::Text {
        output::to_stderr(&stage::opening(session, &cluster, args));
    }
    let tally = Tally::default();
    let Carried { converged, refused } = lives(session, &world, &aim, &screen, &tally)?;
    screen.rest();
    screen.outcome()?;
    summary::show(session, &cluster, &converged)?;
    if let Some(path) = &args.save {
        let text = serde_json::to_string(&world.borrow().snapshot()).expect("a world always serialises");
        source::write(path, text.as_bytes(), 0o600)?;
    }
    for fault in world.borrow().unstruck() {
        let note = format!("note: one fault did not strike ({fault}): {}\n", stage::why_not(&world, &fault));
        output::to_stderr(&note);
    }
    aim.sound()?;
    refused.map_or(Ok(()), Err)?;
    unharmed(&world)?;
    tally.judge(&converged.end, &converged.facts, &aim.selection)?;
    if session.global.output == Output::Text {
        output::to_stderr(&stage::closing(session, &world, &converged));
    }
    Ok(Ending::Done)
}

/// What a rehearsal is to bring about.
fn aim<'a>(session: &Session, cluster: &'a Cluster, lock: &'a Lock, seed: u64) -> Result<Aim<'a>, Failure> {
    let wish = Wish { cluster, lock, seed: Seed(seed), verify: false, record_integrity: false };
    Ok(Aim::new(wish, session.selection(cluster)?, Goal::Converge))
}

/// What `coracle plan` would show of a world that was saved.
pub(crate) fn plan_in(session: &Session, world: &Path) -> Result<String, Failure> {
    let cluster = session.cluster()?;
    let lock = session.lock()?.unwrap_or_else(|| sim::lock_for([&cluster.kubernetes.version]));
    let aim = aim(session, &cluster, &lock, 1)?;
    let from = From::File(world.to_owned());
    let args = Args { from, seed: 1, fault: Vec::new(), save: None, speed: 0 };
    let world = stage::build(session, &cluster, &lock, &args)?;
    let (sim, silence) = (Sim::new(&world), Listeners(Vec::new()));
    let ports = ports(&sim, &silence, session);
    let (surveys, servers) = (aim.surveys(), aim.servers());
    let Ran::Done(sight) = sim.run(engine::look(&ports, &surveys, &servers, None)) else {
        return Err(Failure::new(Kind::Later, "that world does not let itself be looked at"));
    };
    let (plan, report) = aim.plan(&sight.facts);
    aim.sound()?;
    let paint = session.paint_out();
    Ok(finding::show(&report, paint) + "\n" + &change::show(&plan, &report, session.depth(), paint))
}

/// A simulated world behind the engine's ports.
fn ports<'a>(sim: &'a Sim, events: &'a dyn Events, session: &'a Session) -> Ports<'a> {
    Ports {
        hosts: sim,
        access: sim,
        kube: sim,
        artifacts: sim,
        secrets: sim,
        clock: sim,
        events,
        halt: session.interrupt(),
    }
}

/// Runs the operator's process, again each time a fault kills it.
fn lives(
    session: &Session,
    world: &Shared,
    aim: &Aim<'_>,
    screen: &Rc<Screen>,
    tally: &Tally,
) -> Result<Carried, Failure> {
    let mut dead = Vec::new();
    for life in 1..=LIVES {
        let sim = Sim::new(world);
        sim.tell_faults(Rc::clone(screen) as Rc<dyn Events>);
        let (screen_ear, listeners) = (screen.as_ref(), Listeners(vec![screen.as_ref(), tally]));
        let watch = sim.watch(&listeners);
        let ports = ports(&sim, &watch, session);
        let run = Run { holder: holder(life), dead: dead.clone(), lease: 900 };
        let work = carry::carry(session, &ports, &run, aim, screen_ear, &Permission::NotNeeded, &|_| false);
        match sim.run(work) {
            Ran::Done(carried) => return Ok(carried),
            Ran::Died => dead.push(run.holder),
            Ran::Stuck { at, why } => {
                let text = format!("the rehearsal stands still at {}: {why}", span::stamp(at));
                return Err(Failure::new(Kind::Later, text)
                    .hint("a fault without an end may leave nothing to wait for: give it `for SPAN`"));
            }
        }
        screen.rest();
        let note = "the same command is run again";
        output::to_stderr(&format!("       {}\n", session.paint_err().tone(Tone::Faint, note)));
    }
    Err(Failure::new(Kind::Later, format!("the operator's process died {LIVES} times")))
}

/// An operator who is the same wherever the rehearsal runs.
fn holder(life: u32) -> Holder {
    Holder { user: "operator".to_owned(), machine: "rehearsal".to_owned(), pid: life, started: EPOCH }
}

/// An error when the world saw coracle do what it must never do.
fn unharmed(world: &Shared) -> Result<(), Failure> {
    let violations = world.borrow().violations();
    let Some(first) = violations.first() else { return Ok(()) };
    let failure = Failure::new(Kind::Bug, format!("a bug in coracle: {first}"));
    let more = violations[1..].iter().fold(failure, |failure, other| failure.hint(format!("and: {other}")));
    Err(more.hint("please report it with the cluster file and this command"))
}
