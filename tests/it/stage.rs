//! What every story plays on: a cluster file, a simulated world, and operators who come and go.

use std::{cell::RefCell, collections::BTreeMap, fmt::Write as _, rc::Rc};

use engine::{Consent, Converged, Run, Saved};
use model::{
    event::{End, Event, Outcome, What},
    facts::Facts,
    lock::Lock,
    op::Holder,
    plan::Plan,
    port::Events,
    report::Report,
};
use plan::{Seed, Wish};
use sim::{Ran, Shared, Sim, World};
use spec::{cluster::Cluster, name::NodeName};

/// A cluster file and the world it is carried out in.
pub(crate) struct Stage {
    pub cluster: Cluster,
    pub world: Shared,
    pub lock: Lock,
    /// Everything that was told, by all operators.
    pub told: Rc<Told>,
    operators: RefCell<u32>,
}

#[derive(Default)]
pub(crate) struct Told(pub RefCell<Vec<Event>>);

impl Events for Told {
    #[expect(clippy::print_stdout, reason = "who names a story wants to read it")]
    fn tell(&self, event: Event) {
        if std::env::var_os("CORACLE_STORY").is_some() {
            println!("{:?} {:?}", event.at, event.what);
        }
        self.0.borrow_mut().push(event);
    }
}

/// The cluster that this text describes.
pub(crate) fn cluster(text: &str) -> Cluster {
    let parsed = spec::parse(text, &|_| None);
    assert!(!parsed.has_errors(), "{}", spec::render("story.yaml", text, &parsed.diagnostics, false));
    parsed.clusters.into_iter().next().unwrap()
}

/// A cluster file with servers `s1`… and agents `a1`…, and further lines below `spec`.
pub(crate) fn file(servers: usize, agents: usize, more: &str) -> String {
    let mut text =
        String::from("apiVersion: coracle.dev/v1alpha1\nkind: Cluster\nmetadata: {name: harbor}\nspec:\n");
    for line in more.lines() {
        writeln!(text, "  {line}").unwrap();
    }
    text += "  nodes:\n";
    let roles = [("server", "s", servers, 0), ("agent", "a", agents, 100)];
    for (role, letter, count, base) in roles {
        for index in 1..=count {
            writeln!(
                text,
                "    - {{name: {letter}{index}, role: {role}, ssh: root@10.0.0.{}}}",
                base + index
            )
            .unwrap();
        }
    }
    text
}

impl Stage {
    /// Fresh machines for this file.
    pub(crate) fn new(text: &str) -> Self {
        let cluster = cluster(text);
        let mut world = World::from_cluster(&cluster, 1);
        let lock = sim::lock_for([&cluster.kubernetes.version]);
        world.stock(&lock);
        Self { world: world.share(), lock, cluster, told: Rc::default(), operators: RefCell::new(0) }
    }

    /// A world in which looking gives these facts.
    pub(crate) fn from_facts(text: &str, facts: &Facts) -> Self {
        let stage = Self::new(text);
        *stage.world.borrow_mut() = World::from_facts(facts, 1);
        stage
    }

    /// Another file for the same machines.
    pub(crate) fn edit(&mut self, text: &str) {
        self.cluster = cluster(text);
        let lock = sim::lock_for([&self.cluster.kubernetes.version]);
        self.world.borrow_mut().stock(&lock);
        self.lock = lock;
    }

    pub(crate) fn wish(&self) -> Wish<'_> {
        let seed = Seed(u64::from(*self.operators.borrow()));
        Wish { cluster: &self.cluster, lock: &self.lock, seed, verify: false, record_integrity: false }
    }

    /// A new operator's process applies until everything is so, or it can go no further.
    pub(crate) fn apply(&self) -> Ran<Converged> {
        self.run_with(Self::make)
    }

    /// A new operator's process gives the whole cluster up.
    pub(crate) fn give_up(&self) -> Ran<Converged> {
        self.run_with(|wish, facts| {
            Self::judged(plan::destroy::cluster(wish, facts, plan::destroy::Leave::default()), facts)
        })
    }

    /// A new operator's process takes one node out of the cluster.
    pub(crate) fn give_up_node(&self, node: &NodeName) -> Ran<Converged> {
        self.run_with(|wish, facts| {
            Self::judged(plan::destroy::node(wish, facts, node, plan::destroy::Leave::default()), facts)
        })
    }

    /// What `coracle plan --out` keeps, by a new operator's process.
    pub(crate) fn save(&self) -> Vec<u8> {
        *self.operators.borrow_mut() += 1;
        let (plan, _, facts) = self.plan();
        let text = serde_json::to_string(&Saved::new(plan, &facts)).unwrap();
        self.world.borrow_mut().watch_text("a saved plan", &text);
        text.into_bytes()
    }

    /// What `coracle apply FILE` does.
    pub(crate) fn carry_out_saved(&self, bytes: &[u8]) {
        *self.operators.borrow_mut() += 1;
        let saved = Saved::read(bytes).unwrap();
        let sim = Sim::new(&self.world);
        sim.tell_faults(self.told.clone());
        let events = sim.watch(&*self.told);
        let world = ports(&sim, &events);
        let surveys = plan::survey(&self.wish());
        let judge = |facts: &Facts| {
            let objections = plan::check(&saved.plan, facts);
            (!objections.is_empty()).then(|| format!("{objections:?}"))
        };
        let _ = sim.run(engine::apply_saved(&world, &self.run(), &saved, &surveys, &self.servers(), &judge));
    }

    fn servers(&self) -> Vec<NodeName> {
        self.cluster.servers().map(|node| node.name.clone()).collect()
    }

    fn run_with(&self, make: impl Fn(&Wish<'_>, &Facts) -> (Plan, Report)) -> Ran<Converged> {
        *self.operators.borrow_mut() += 1;
        let sim = Sim::new(&self.world);
        sim.tell_faults(self.told.clone());
        let events = sim.watch(&*self.told);
        let world = ports(&sim, &events);
        let wish = self.wish();
        let surveys = plan::survey(&wish);
        let servers = self.servers();
        let mut make = |facts: &Facts| {
            let (plan, report) = make(&wish, facts);
            let shown = serde_json::to_string(&(&plan, &report)).unwrap();
            self.world.borrow_mut().watch_text("a plan", &shown);
            (plan, report)
        };
        let mut consent = |_: &Plan, report: &Report, _: &Facts| {
            if plan::forbids(report) { Consent::Refuse } else { Consent::Go }
        };
        sim.run(engine::converge(&world, &self.run(), &surveys, &servers, &mut make, &mut consent))
    }

    /// The plan for what is observed now, judged.
    pub(crate) fn plan(&self) -> (Plan, Report, Facts) {
        let facts = self.look();
        let (plan, report) = Self::make(&self.wish(), &facts);
        (plan, report, facts)
    }

    /// Every plan that any story makes passes the judge.
    fn make(wish: &Wish<'_>, facts: &Facts) -> (Plan, Report) {
        Self::judged(plan::plan(wish, facts), facts)
    }

    fn judged((plan, report): (Plan, Report), facts: &Facts) -> (Plan, Report) {
        let objections = plan::check(&plan, facts);
        let steps: Vec<_> = plan.steps.iter().map(|step| (&step.id, &step.needs)).collect();
        assert!(objections.is_empty(), "{objections:#?}\n{steps:?}");
        (plan, report)
    }

    /// Looks without changing anything.
    pub(crate) fn look(&self) -> Facts {
        let sim = Sim::new(&self.world);
        let events = sim.watch(&*self.told);
        let world = ports(&sim, &events);
        let surveys = plan::survey(&self.wish());
        let servers = self.servers();
        sim.run(engine::observe(&world, &surveys, &servers, None)).done().unwrap()
    }

    /// Carries this plan out once.
    pub(crate) fn carry_out(&self, plan: &Plan) -> Ran<engine::Applied> {
        let sim = Sim::new(&self.world);
        let events = sim.watch(&*self.told);
        let world = ports(&sim, &events);
        sim.run(engine::apply(&world, &self.run(), plan))
    }

    fn run(&self) -> Run {
        let pid = *self.operators.borrow();
        let holder = |pid| Holder { user: "op".into(), machine: "desk".into(), pid, started: u64::from(pid) };
        Run { holder: holder(pid), dead: (0..pid).map(holder).collect(), lease: 600 }
    }

    /// Applies and expects the end that all good stories have: converged, nothing left to do, and nothing broken.
    pub(crate) fn apply_to_the_end(&self) {
        let converged = self.apply();
        let done = match converged {
            Ran::Done(done) => done,
            other => panic!("{other:?}\n{}", self.last_words()),
        };
        assert!(matches!(done.end, End::Converged { .. }), "{:?}\n{}", done.end, self.last_words());
        self.is_settled();
    }

    /// Whether a plan would say this.
    pub(crate) fn finds(&self, code: &str) -> bool {
        self.plan().1.findings.iter().any(|finding| finding.code == code)
    }

    /// Nothing is left to do, and nothing was ever broken.
    pub(crate) fn is_settled(&self) {
        let (plan, report, facts) = self.plan();
        self.world.borrow_mut().watch_text("facts", &serde_json::to_string(&facts).unwrap());
        assert!(
            plan.is_empty(),
            "{:#?}",
            plan.steps.iter().map(|step| &step.change.title).collect::<Vec<_>>()
        );
        assert_eq!(
            report.worst().filter(|worst| *worst > model::report::Weight::Warning),
            None,
            "{report:?}"
        );
        self.is_unharmed();
    }

    pub(crate) fn is_unharmed(&self) {
        let violations = self.world.borrow().violations();
        assert!(violations.is_empty(), "{violations:#?}\n{}", self.last_words());
    }

    /// What failed, for people who read a failing test.
    pub(crate) fn last_words(&self) -> String {
        let told = self.told.0.borrow();
        let bad = told.iter().filter_map(|event| match &event.what {
            What::Ended { step, outcome, .. } if !outcome.is_good() => {
                Some(format!("{:?} {step}: {outcome:?}", event.at))
            }
            What::Fault { text } => Some(format!("{:?} fault: {text}", event.at)),
            What::Found { finding } => Some(format!("{:?} {}: {}", event.at, finding.code, finding.text)),
            What::Dark { host, fault } => Some(format!("{:?} dark {host}: {fault}", event.at)),
            _ => None,
        });
        let lines: Vec<_> = bad.collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// How each step of the last operator's run ended.
    pub(crate) fn outcomes(&self) -> BTreeMap<String, Outcome> {
        let told = self.told.0.borrow();
        let ends = told.iter().filter_map(|event| match &event.what {
            What::Ended { step, outcome, .. } => Some((step.to_string(), outcome.clone())),
            _ => None,
        });
        ends.collect()
    }

    /// Lets seconds pass in the world.
    pub(crate) fn pass(&self, seconds: u64) {
        use model::port::Clock;
        let sim = Sim::new(&self.world);
        sim.run(sim.clock().sleep(std::time::Duration::from_secs(seconds))).done().unwrap();
    }

    /// Lets something happen to the world: `VERB HOST …`, as `rehearse --fault` takes it.
    pub(crate) fn fault(&self, text: &str) {
        self.world.borrow_mut().add_fault(text.parse().unwrap()).unwrap();
    }
}

fn ports<'a>(sim: &'a Sim, events: &'a dyn Events) -> engine::World<'a> {
    engine::World {
        hosts: sim,
        access: sim,
        kube: sim,
        artifacts: sim,
        secrets: sim,
        clock: sim.clock(),
        events,
        halt: sim,
    }
}

pub(crate) fn name(text: &str) -> NodeName {
    text.parse().unwrap()
}
