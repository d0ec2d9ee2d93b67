//! Kernel settings that are k3s's.

/// Settings that the kubelet (its `setupKernelTunables`) and k3s (forwarding) bring to these values at each start.
pub const SYSCTLS: [(&str, &str); 7] = [
    ("kernel.keys.root_maxbytes", "25000000"),
    ("kernel.keys.root_maxkeys", "1000000"),
    ("kernel.panic", "10"),
    ("kernel.panic_on_oops", "1"),
    ("net.ipv4.ip_forward", "1"),
    ("vm.overcommit_memory", "1"),
    ("vm.panic_on_oom", "0"),
];
