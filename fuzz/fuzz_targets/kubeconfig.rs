//! Whatever the user's kubeconfig holds: it is refused, or our entry is in it and nothing else has changed.

#![no_main]

#[allow(dead_code, unreachable_pub)]
#[path = "../../crates/cli/src/kubeconfig/mod.rs"]
mod kubeconfig;

use std::sync::LazyLock;

use kubeconfig::{Credentials, Liberty, merge, mentions};
use libfuzzer_sys::fuzz_target;

static OURS: LazyLock<Credentials> = LazyLock::new(|| {
    Credentials::read(
        "clusters:\n- cluster: {server: 'https://10.0.0.1:6443', certificate-authority-data: Q0E=}\n  name: default\nusers:\n- name: default\n  user: {client-certificate-data: Q0VSVA==, client-key-data: S0VZ}\n",
    )
    .expect("k3s writes it so")
});

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let liberty = Liberty { force: first & 1 == 1, switch: first & 2 == 2 };
    let _ = (mentions(text, "harbor"), Credentials::read(text));
    if let Ok(merged) = merge(text, "harbor", &OURS, liberty) {
        assert!(mentions(&merged, "harbor"));
        // Once merged, it is as it should be.
        let again = merge(&merged, "harbor", &OURS, liberty).expect("what was merged can be merged");
        assert_eq!(again, merged);
    }
});
