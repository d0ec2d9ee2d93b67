//! How long planning takes, and how much memory: `cargo bench -p tests --bench plan [-- NODES …]`.
//!
//! Facts are given: a simulated world of that many machines, looked at once, empty or founded. Measured is what a run
//! does between its look and its first step: plan, and have the plan judged. Nothing here is asserted but that the
//! plans are the ones meant.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    time::{Duration, Instant},
};

use engine::{Consent, Run};
use model::{
    event::Event,
    facts::Facts,
    op::{Holder, Survey},
    port::Events,
};
use plan::{Seed, Wish};
use sim::{Sim, World};
use spec::{cluster::Cluster, name::NodeName};

const SERVERS: usize = 3;
const RUNS: usize = 7;

struct Deaf;

impl Events for Deaf {
    fn tell(&self, _: Event) {}
}

fn main() {
    let asked: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    let sizes = if asked.is_empty() { vec![3, 100, 300, 1000] } else { asked };
    say(&format!(
        "{:>6} {:>8} {:>6}  {:<28} {:>9}",
        "nodes", "machines", "steps", "median (min … max)", "peak"
    ));
    for nodes in sizes {
        measure(nodes);
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark is there to print")]
fn say(line: &str) {
    println!("{line}");
}

fn measure(nodes: usize) {
    let text = file(nodes);
    let parsed = spec::parse(&text, &|_| None);
    let cluster = parsed.clusters.into_iter().next().expect("the file is right");
    let lock = sim::lock_for([&cluster.kubernetes.version]);
    let wish = Wish { cluster: &cluster, lock: &lock, seed: Seed(1), verify: false, record_integrity: false };
    let mut world = World::from_cluster(&cluster, 1);
    world.stock(&lock);
    let (empty, founded) = facts(&wish, world);
    for (state, facts) in [("empty", empty), ("founded", founded)] {
        forget_peak();
        let mut steps = 0;
        let mut times: Vec<Duration> = (0..RUNS).map(|_| timed(&wish, &facts, &mut steps)).collect();
        times.sort();
        assert_eq!(steps == 0, state == "founded", "the plan is not the one meant");
        let [min, median, max] =
            [times[0], times[RUNS / 2], times[RUNS - 1]].map(|time| time.as_secs_f64() * 1e3);
        let spread = format!("{median:.1} ms ({min:.1} … {max:.1})");
        say(&format!("{nodes:>6} {state:>8} {steps:>6}  {spread:<28} {:>9}", peak()));
    }
}

fn timed(wish: &Wish<'_>, facts: &Facts, steps: &mut usize) -> Duration {
    let begun = Instant::now();
    let (plan, _) = plan::plan(wish, facts);
    let objections = plan::check(&plan, facts);
    let took = begun.elapsed();
    assert!(objections.is_empty(), "{objections:?}");
    *steps = plan.steps.len();
    took
}

/// What is seen of this world now, and after the file was carried out in it.
fn facts(wish: &Wish<'_>, world: World) -> (Facts, Facts) {
    let world = world.share();
    let (sim, events) = (Sim::new(&world), Deaf);
    let ports = engine::World {
        hosts: &sim,
        access: &sim,
        kube: &sim,
        artifacts: &sim,
        secrets: &sim,
        clock: sim.clock(),
        events: &events,
        halt: &sim,
    };
    let surveys: BTreeMap<NodeName, Survey> = plan::survey(wish);
    let servers = servers(wish.cluster);
    let holder = Holder { user: "op".into(), machine: "desk".into(), pid: 1, started: 1 };
    let run = Run { holder, dead: Vec::new(), lease: 600 };
    let work = async {
        let before = engine::observe(&ports, &surveys, &servers, None).await;
        let mut make = |facts: &Facts| plan::plan(wish, facts);
        let mut consent = |_: &_, _: &_, _: &_| Consent::Go;
        engine::converge(&ports, &run, &surveys, &servers, &mut make, &mut consent).await;
        (before, engine::observe(&ports, &surveys, &servers, None).await)
    };
    sim.run(work).done().expect("nobody dies here")
}

fn servers(cluster: &Cluster) -> Vec<NodeName> {
    cluster.servers().map(|node| node.name.clone()).collect()
}

fn file(nodes: usize) -> String {
    let mut text =
        "apiVersion: coracle.dev/v1alpha1\nkind: Cluster\nmetadata: {name: big}\nspec:\n  nodes:\n"
            .to_owned();
    for n in 0..nodes {
        let role = if n < SERVERS { "server" } else { "agent" };
        let address = format!("10.{}.1.{}", n / 250, n % 250 + 1);
        writeln!(text, "    - {{name: n{n:04}, role: {role}, ssh: root@{address}}}")
            .expect("a String takes it");
    }
    text
}

/// Linux forgets how large the process has been; elsewhere the peak stays unknown.
fn forget_peak() {
    // Then the peak is that of all before.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The most memory the process has had since then: facts, plan, and all.
fn peak() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    line.and_then(|kib| kib.parse::<u64>().ok()).map_or("-".to_owned(), |kib| format!("{} MiB", kib / 1024))
}
