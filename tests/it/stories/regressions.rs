//! Stories that once broke something, each with its root cause.

use super::play::play;

/// What it is called, what was wrong, and the story.
const REGRESSIONS: &[(&str, &str, &str)] = &[
    (
        "giving a node up leaves the user's own files beside k3s's",
        "host and sim: removing k3s took all of /etc/rancher/k3s that coracle does not own, as k3s's own script does",
        "1 servers and 1 agents, of which the file names 1 and 1; systems 2; etcd
        apply
        destroy a1",
    ),
    (
        "a server that starts in vain is started anew when the file was mended",
        "plan: where no API answered, a server whose service runs was waited for and never given what the file says now",
        "1 servers and 1 agents, of which the file names 1 and 1; systems 3; etcd
        apply and die after 96 words
        edit version 0
        edit package
        apply and die after 38 words
        offline s1 in 78 steps
        apply and die after 150 words
        save a plan and carry it out 73 s later
        clock s1 +2h in 116 s",
    ),
    (
        "an agent that is only waited for opens the way for no other",
        "plan: a node of a queue that did not begin anew replaced what the next had to wait for, instead of adding to it",
        "4 servers and 5 agents, of which the file names 4 and 5; systems 3; etcd
        apply
        edit version 3
        wipe s1 in 0 s",
    ),
    (
        "no agent is newer than a server that only the file has forgotten",
        "plan: the order of versions was kept among the servers that the file names, and not among those in the cluster",
        "3 servers and 6 agents, of which the file names 3 and 4; systems 1; etcd
        apply
        edit version 3
        edit member s1",
    ),
];

#[test]
fn what_was_mended_stays_mended() {
    for (name, cause, story) in REGRESSIONS {
        println!("{name}: {cause}");
        play(&story.parse().unwrap());
    }
}
