//! Stories that nobody wrote: clusters, edits, faults and deaths drawn at random. Whatever happened, when the faults are
//! over and somebody applies again, everything converges, and nothing was ever broken on the way.

use std::fmt::Write as _;

use model::event::End;
use proptest::prelude::*;
use sim::Ran;
use spec::name::NodeName;

use crate::stage::{Stage, file, name};

/// The machines of every story. Which of them the file names changes on the way.
const SERVERS: usize = 5;
const AGENTS: usize = 2;

/// How a story begins.
#[derive(Clone, Copy, Debug)]
struct Opening {
    servers: usize,
    agents: usize,
    /// One server that keeps the cluster in sqlite, until an edit asks for etcd.
    sqlite: bool,
    /// Debian, Alpine and Rocky on two processors, instead of Debian alone.
    mixed: bool,
}

/// One thing that happens between the first file and the last apply.
#[derive(Clone, Debug)]
enum Chapter {
    /// Somebody applies, and dies after this many words from hosts.
    Dies(u64),
    /// Somebody applies to the end, whatever that is.
    Applies,
    /// Something happens to the n-th host after so many seconds, perhaps while somebody applies.
    Fault(&'static str, usize, u64),
    /// So many seconds pass.
    Passes(u64),
    /// The file changes.
    Edit(Edit),
}

#[derive(Clone, Copy, Debug)]
enum Edit {
    Motd,
    Sysctl,
    Label,
    KubeletArgument,
    Newer,
    Etcd,
    /// The n-th machine comes into the file, or leaves it.
    Member(usize),
}

/// What the file says, after some edits.
#[derive(Clone, Debug)]
struct Draft {
    named: [bool; SERVERS + AGENTS],
    etcd: bool,
    motd: bool,
    sysctl: bool,
    label: bool,
    argument: bool,
    newer: bool,
}

impl Draft {
    fn new(opening: Opening) -> Self {
        let servers = if opening.sqlite { 1 } else { opening.servers };
        let named =
            std::array::from_fn(|n| if n < SERVERS { n < servers } else { n - SERVERS < opening.agents });
        Self {
            named,
            etcd: !opening.sqlite,
            motd: false,
            sysctl: false,
            label: false,
            argument: false,
            newer: false,
        }
    }

    fn edit(&mut self, edit: Edit, stage: &Stage, spoilt: bool) {
        match edit {
            Edit::Motd => self.motd = !self.motd,
            Edit::Sysctl => self.sysctl = !self.sysctl,
            Edit::Label => self.label = !self.label,
            Edit::KubeletArgument => self.argument = !self.argument,
            Edit::Newer => self.newer = true,
            Edit::Etcd => self.etcd = true,
            Edit::Member(n) if !spoilt && self.may_change(n, stage) => self.named[n] = !self.named[n],
            Edit::Member(_) => {}
        }
    }

    /// A server only leaves while the others have the cluster: a file that names none of its servers is another cluster's.
    fn may_change(&self, n: usize, stage: &Stage) -> bool {
        n >= SERVERS || self.etcd && (!self.named[n] || self.others_hold(n, stage))
    }

    fn others_hold(&self, n: usize, stage: &Stage) -> bool {
        let nodes = stage.look().kube.nodes;
        let votes = |m: usize| nodes.get(machine(m).as_str()).is_some_and(|node| node.voter == Some(true));
        let named = (0..SERVERS).any(|m| m != n && self.named[m] && votes(m));
        named && can_be_spared(stage, &machine(n))
    }

    fn text(&self) -> String {
        let version = if self.newer { "v1.36.4+k3s1" } else { "v1.36.3+k3s1" };
        let datastore = if self.etcd { "etcd" } else { "sqlite" };
        let config = if self.argument { ", config: {kubelet-arg: [max-pods=50]}" } else { "" };
        let motd = if self.motd { "motd: hello" } else { "baseline: true" };
        let sysctl = if self.sysctl { ", sysctls: {vm.swappiness: 10}" } else { "" };
        let more = format!(
            "kubernetes: {{version: {version}, datastore: {datastore}{config}}}\nos: {{{motd}{sysctl}}}"
        );
        let mut text = file(0, 0, &more);
        for n in (0..SERVERS + AGENTS).filter(|n| self.named[*n]) {
            let role = if n < SERVERS { "server" } else { "agent" };
            let label = if self.label && n % 3 == 0 { ", labels: {zone: home}" } else { "" };
            let (name, last) = (machine(n), n + 1);
            writeln!(text, "    - {{name: {name}, role: {role}, ssh: root@10.0.0.{last}{label}}}").unwrap();
        }
        text
    }
}

fn machine(n: usize) -> NodeName {
    name(&if n < SERVERS { format!("s{}", n + 1) } else { format!("a{}", n - SERVERS + 1) })
}

const FAULTS: [&str; 20] = [
    "reboot",
    "reboot",
    "kill",
    "kill",
    "kill for 40s",
    "reinstall",
    "wipe",
    "hang",
    "hang for 30s",
    "cut",
    "cut for 50s",
    "drop",
    "drop",
    "fill",
    "slow",
    "slow x5",
    "clock +2h",
    "clock -90s",
    "isolate",
    "offline",
];

fn chapters() -> impl Strategy<Value = Vec<Chapter>> {
    let edits = prop_oneof![
        prop::sample::select(vec![
            Edit::Motd,
            Edit::Sysctl,
            Edit::Label,
            Edit::KubeletArgument,
            Edit::Newer,
            Edit::Etcd
        ]),
        (0..SERVERS + AGENTS).prop_map(Edit::Member),
    ];
    let faults = prop::sample::select(FAULTS.to_vec());
    let chapter = prop_oneof![
        3 => (0u64..300).prop_map(Chapter::Dies),
        3 => Just(Chapter::Applies),
        3 => (faults, 0..SERVERS + AGENTS, 0u64..240).prop_map(|(fault, host, after)| Chapter::Fault(fault, host, after)),
        1 => (0u64..200).prop_map(Chapter::Passes),
        3 => edits.prop_map(Chapter::Edit),
    ];
    prop::collection::vec(chapter, 1..9)
}

fn openings() -> impl Strategy<Value = Opening> {
    (1..=SERVERS, 0..=AGENTS, prop::bool::weighted(0.2), any::<bool>())
        .prop_map(|(servers, agents, sqlite, mixed)| Opening { servers, agents, sqlite, mixed })
}

/// Plays a story. Data is only ever lost on one server at a time, and only while the others have it: what coracle cannot
/// bring back is not its promise.
fn play(opening: Opening, chapters: &[Chapter]) {
    let mut draft = Draft::new(opening);
    let all = Draft { named: [true; SERVERS + AGENTS], etcd: true, ..draft.clone() };
    let mut stage = Stage::new(&all.text());
    if opening.mixed {
        stage.world.borrow_mut().mix_systems();
    }
    stage.edit(&draft.text());
    let mut spoilt = false;
    for chapter in chapters {
        match chapter {
            Chapter::Dies(heard) => {
                stage.world.borrow_mut().die_after(*heard);
                let _ = stage.apply();
                stage.world.borrow_mut().die_after(u64::MAX);
            }
            Chapter::Applies => match stage.apply() {
                Ran::Done(done) => spoilt &= !matches!(done.end, End::Converged { .. }),
                Ran::Died => {}
                Ran::Stuck { .. } => panic!("stuck: {}", stage.last_words()),
            },
            Chapter::Edit(edit) => {
                draft.edit(*edit, &stage, spoilt);
                stage.edit(&draft.text());
            }
            Chapter::Passes(seconds) => stage.pass(*seconds),
            Chapter::Fault(fault, n, after) => strike(&stage, fault, *n, *after, &mut spoilt, &draft),
        }
        stage.is_unharmed();
    }
    stage.pass(300);
    for n in 0..SERVERS + AGENTS {
        stage.fault(&format!("heal {}", machine(n)));
    }
    stage.pass(300);
    for _ in 0..2 {
        let _ = stage.apply();
        stage.pass(90);
    }
    stage.apply_to_the_end();
    assert!(stage.world.borrow().clusters_alive() <= 1);
}

/// Lets a fault happen, unless it would take data that exists nowhere else.
fn strike(stage: &Stage, fault: &str, n: usize, after: u64, spoilt: &mut bool, draft: &Draft) {
    let host = machine(n);
    let (verb, rest) = fault.split_once(' ').unwrap_or((fault, ""));
    let destroys = matches!(verb, "reinstall" | "wipe");
    if destroys && (*spoilt || !draft.named[n] || !can_be_spared(stage, &host)) {
        return;
    }
    *spoilt |= destroys;
    let at = if destroys { 0 } else { stage.world.borrow().now().as_secs() + after };
    stage.fault(&format!("{verb} {host} {rest} at {at}s"));
}

/// Whether the cluster has a majority of voting, ready members without this one, all of them servers of the file.
fn can_be_spared(stage: &Stage, host: &NodeName) -> bool {
    let nodes = stage.look().kube.nodes;
    let members = nodes.values().filter(|node| node.voter.is_some()).count();
    let healthy = nodes
        .iter()
        .filter(|(name, node)| name.as_str() != host.as_str() && node.voter == Some(true) && node.ready);
    let is_member = nodes.get(host.as_str()).is_some_and(|node| node.voter.is_some());
    if is_member { healthy.count() > members / 2 } else { members > 0 }
}

/// How many stories are told; `CORACLE_STORIES` asks for more.
fn cases() -> u32 {
    std::env::var("CORACLE_STORIES").ok().and_then(|text| text.parse().ok()).unwrap_or(48)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, max_shrink_iters: 300, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_running_again_converges(opening in openings(), chapters in chapters()) {
        play(opening, &chapters);
    }
}
