//! What is named before anything changes on a host: things that hurt later, and a clock that is wrong.
//!
//! Owns: these findings and their limits. Must not: plan any change.

use model::{
    facts::{Facts, HostFacts},
    report::Weight,
};
use spec::cluster::Node;

use crate::{draft::Draft, finding};

/// Things that hurt later, named before anything changes.
pub(crate) fn findings(node: &Node, facts: &Facts, host: &HostFacts, draft: &mut Draft) {
    const GIB: u64 = 1 << 30;
    let (stable, volatile) = (&host.stable, &host.volatile);
    let mut found = |code: &str, weight, text: String, cure: &str| {
        draft.find(finding::on(&node.name, code, weight, text, cure));
    };
    let name = &node.name;
    if !stable.memory_cgroup {
        let text = format!("the memory cgroup is off on {name}; k3s cannot start without it");
        found(
            "memory-cgroup-off",
            Weight::Warning,
            text,
            "add `cgroup_memory=1 cgroup_enable=memory` to the kernel's command line (Raspberry Pi: /boot/firmware/cmdline.txt) and reboot",
        );
    }
    if stable.swap {
        let text = format!("swap is on on {name}; the kubelet counts on memory that does not go away");
        found(
            "swap-on",
            Weight::Note,
            text,
            "turn it off with `swapoff -a` and in /etc/fstab if pods get slow",
        );
    }
    for firewall in &stable.firewalls {
        let text = format!("{firewall:?} is active on {name} and may cut nodes and pods off from each other")
            .to_lowercase();
        found(
            "firewall-active",
            Weight::Warning,
            text,
            "turn it off, or open 6443, 2379-2380, 10250/tcp and 8472/udp between the nodes and let the pod and service ranges through",
        );
    }
    if stable.selinux_enforcing && !stable.selinux_policy {
        let text =
            format!("SELinux enforces on {name} without k3s's policy; k3s would be denied its own files");
        found(
            "selinux-policy-missing",
            Weight::Refused,
            text,
            "install the k3s-selinux package there, or set SELinux to permissive",
        );
    }
    if volatile.disk_free < 4 * GIB {
        let text = format!(
            "{name} has {} MiB free below /var/lib; images and etcd need more",
            volatile.disk_free >> 20
        );
        found(
            "little-disk",
            Weight::Warning,
            text,
            "free some space, or mount a larger disk at /var/lib/rancher",
        );
    }
    if volatile.memory < 512 << 20 {
        let text = format!(
            "{name} has {} MiB of memory; an agent needs 512 MiB, a server 2 GiB",
            volatile.memory >> 20
        );
        found("little-memory", Weight::Warning, text, "give it more memory");
    }
    if clock_is_wrong(facts.taken, volatile.clock) {
        let text = format!(
            "the clock of {name} is {} s away from this machine's; certificates made now would not hold",
            facts.taken.abs_diff(volatile.clock)
        );
        found(
            "clock-wrong",
            Weight::Refused,
            text,
            "set the clock and let a time service keep it (chrony, systemd-timesyncd), then run again",
        );
    } else if volatile.clock_synced == Some(false) {
        let text = format!("no time service keeps the clock of {name} in step");
        found(
            "no-time-service",
            Weight::Note,
            text,
            "add `chrony` to `os.packages` and its service to `os.services`",
        );
    }
}

/// Whether a host's clock is too far off for certificates: more than 30 s.
pub(crate) fn clock_is_wrong(ours: u64, theirs: u64) -> bool {
    ours.abs_diff(theirs) > 30
}
