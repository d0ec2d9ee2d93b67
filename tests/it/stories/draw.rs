//! How stories are drawn: most of them small, some big.

use proptest::prelude::*;

use super::{
    draft::VERSIONS,
    tale::{Chapter, Edit, Moment, Opening, Story, Switch},
};

const FAULTS: [&str; 26] = [
    "reboot",
    "reboot",
    "kill",
    "kill",
    "kill for 40s",
    "reinstall",
    "reinstall",
    "wipe",
    "hang",
    "hang for 30s",
    "cut",
    "cut for 50s",
    "drop",
    "drop",
    "fill",
    "fill for 60s",
    "slow",
    "slow x5",
    "clock +2h",
    "clock -90s",
    "isolate",
    "isolate for 45s",
    "offline",
    "rekey for 90s",
    "nosudo",
    "foreign",
];

pub(crate) fn stories() -> impl Strategy<Value = Story> {
    openings().prop_flat_map(|opening| {
        let machines = opening.servers + opening.agents;
        (Just(opening), prop::collection::vec(chapters(machines), 1..10))
            .prop_map(|(opening, chapters)| Story { opening, chapters })
    })
}

fn openings() -> impl Strategy<Value = Opening> {
    let servers = prop_oneof![12 => 1..=3_usize, 5 => 4..=5_usize, 1 => 6..=9_usize];
    let agents = prop_oneof![12 => 0..=2_usize, 4 => 3..=6_usize, 1 => 7..=20_usize];
    (
        servers,
        agents,
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        0..10_usize,
        0..5_usize,
        0..5_usize,
    )
        .prop_map(|(servers, agents, some, others, sqlite, systems, cut)| Opening {
            servers,
            agents,
            // Half of the stories begin with all machines in the file.
            named_servers: (1 + some.index(2 * servers)).min(servers),
            named_agents: others.index(2 * agents + 1).min(agents),
            sqlite: sqlite == 9,
            systems,
            cut: cut == 4,
        })
}

fn chapters(machines: usize) -> impl Strategy<Value = Chapter> {
    let switches = prop::sample::select(Switch::ALL.map(|(switch, _)| switch).to_vec());
    let edits = prop_oneof![
        4 => switches.prop_map(Edit::Switch),
        2 => (0..machines).prop_map(Edit::Member),
        1 => (0..VERSIONS.len()).prop_map(Edit::Version),
        1 => (0..machines).prop_map(Edit::Relabel),
        1 => Just(Edit::Etcd),
    ];
    let moments =
        prop_oneof![3 => (0..240_u64).prop_map(Moment::Seconds), 2 => (0..150_u64).prop_map(Moment::Steps)];
    let faults = (prop::sample::select(FAULTS.to_vec()), 0..machines, moments)
        .prop_map(|(fault, host, moment)| Chapter::Fault(fault.to_owned(), host, moment));
    prop_oneof![
        6 => Just(Chapter::Applies),
        6 => (0..300_u64).prop_map(Chapter::Dies),
        6 => faults,
        6 => edits.prop_map(Chapter::Edit),
        2 => (0..200_u64).prop_map(Chapter::Passes),
        1 => (0..100_u64).prop_map(Chapter::Saved),
        1 => (0..machines).prop_map(Chapter::GivesUp),
    ]
}
