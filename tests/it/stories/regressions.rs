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
    (
        "a guard that is still armed covers what the next plan changes, or is not taken for its own",
        "plan: a revert was named after run and host alone, so that one armed for other files could pass for it",
        "1 servers and 1 agents, of which the file names 1 and 0; systems 4; etcd
        apply and die after 2 words
        edit sshd-that-shuts-the-operator-out
        save a plan and carry it out 0 s later",
    ),
    (
        "agents wait for a server that is held back",
        "plan: only servers that quorum holds back were looked at, not those that are refused (a wrong clock)",
        "4 servers and 4 agents, of which the file names 4 and 4; systems 3; etcd
        clock s1 +2h in 1 s
        save a plan and carry it out 0 s later
        edit version 3
        apply",
    ),
    (
        "agents wait for a server that does not answer",
        "plan: the version of a server of the file that is dark was not asked of its Node",
        "4 servers and 4 agents, of which the file names 4 and 4; systems 0; etcd
        cut s1 in 26 s
        apply
        edit version 3
        apply",
    ),
    (
        "an agent whose Node was deleted while its host was away begins anew",
        "plan: a kubelet that runs was waited for, but it registers only when it begins",
        "1 servers and 2 agents, of which the file names 1 and 2; systems 3; etcd; scripts end with their connection
        hang a2 in 31 s
        apply
        apply
        destroy a2",
    ),
    (
        "two servers of which one is starting come up together",
        "sim: the judge took the restart of the second for a disruption, though no majority was left to lose",
        "3 servers and 1 agents, of which the file names 2 and 1; systems 3; etcd
        apply
        edit kubelet-arg
        apply and die after 8 words
        apply",
    ),
    (
        "a wiped agent that still runs is not given a newer binary before its turn",
        "plan: only members had to wait for their turn, but what is active restarts by itself",
        "2 servers and 4 agents, of which the file names 2 and 3; systems 0; etcd
        apply
        edit version 3
        wipe a1 in 0 s",
    ),
    (
        "a server that is only waited for lets no other join beside the one before it",
        "plan: of two that join, the one that was only waited for replaced what the next had to wait for",
        "7 servers and 2 agents, of which the file names 7 and 1; systems 1; etcd
        hang s1 in 91 s
        apply
        destroy s5
        apply",
    ),
    (
        "nobody founds while the founder is refused",
        "plan: a founder that was begun and then refused (its clock) was passed over, and another founded beside it",
        "2 servers and 5 agents, of which the file names 2 and 5; systems 4; etcd
        clock s1 +2h in 0 steps
        edit member a1
        apply and die after 196 words
        apply",
    ),
    (
        "no server leaves while another is beginning anew",
        "plan: destroy believed Nodes that were Ready forty seconds ago",
        "5 servers and 4 agents, of which the file names 5 and 4; systems 2; etcd
        apply
        edit k3s-secret
        apply and die after 18 words
        destroy s2",
    ),
    (
        "nobody founds while the founder is being started by a script whose operator died",
        "host and sim: a look did not wait for a script at work, so the founder still seemed untouched",
        "2 servers and 1 agents, of which the file names 2 and 0; systems 3; etcd
        clock s1 +2h in 2 steps
        apply and die after 56 words
        apply",
    ),
    (
        "a server whose binary was replaced since it was started begins anew",
        "plan: a host that was only prepared got its binary even where k3s ran, and its stamp then told of the one before",
        "3 servers and 2 agents, of which the file names 3 and 2; systems 3; etcd
        reboot s2 in 74 steps
        apply and die after 148 words
        edit version 0
        apply and die after 13 words",
    ),
    (
        "a host that stands still behind a guard changes nothing when it wakes",
        "host and sim: a script went on with its change after the revert had fired, and nobody took that back",
        "3 servers and 0 agents, of which the file names 3 and 0; systems 3; etcd
        hang s1 in 94 steps
        apply
        edit sshd-that-shuts-the-operator-out
        apply",
    ),
    (
        "a server that has lost its data holds no agent back",
        "plan: the judge took the Node of a wiped server for what it runs",
        "7 servers and 1 agents, of which the file names 7 and 1; systems 3; etcd
        edit version 0
        apply
        reinstall s1 in 0 s",
    ),
    (
        "a host that stands still while its revert is due is given a moment when it wakes",
        "sim: the judge counted the time in which the machine stood still as time locked out",
        "4 servers and 3 agents, of which the file names 4 and 3; systems 4; etcd
        apply
        apply
        hang s1 for 30s in 35 s
        edit sshd-that-shuts-the-operator-out
        apply",
    ),
];

#[test]
fn what_was_mended_stays_mended() {
    for (name, cause, story) in REGRESSIONS {
        println!("{name}: {cause}");
        play(&story.parse().unwrap());
    }
}
