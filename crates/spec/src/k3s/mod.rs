//! What coracle knows about k3s as data: its configuration keys, releases, artefacts, ports, and how it merges files.
//!
//! Owns: facts that planner, checks and observation share. Must not: decide anything about a cluster. Facts are those
//! of k3s v1.34 to v1.37 as its documentation and flag definitions give them.

mod asset;
mod flags;
mod kernel;
mod merge;
pub mod ports;
pub mod release;

pub use asset::asset;
pub use flags::{Class, FLAGS, Flag, Kind, On, Since, Use, removed};
pub(crate) use flags::{WILDCARD_SAN, since};
pub use kernel::SYSCTLS;
pub use merge::{FileError, Setting, merge, read};

use crate::cluster::Component;

/// The flag of this configuration key (its long name without dashes).
pub fn flag(key: &str) -> Option<&'static Flag> {
    FLAGS.iter().find(|flag| flag.key == key)
}

/// The long name of a key; k3s's one-letter keys are short flags.
pub fn long(key: &str) -> &str {
    let mut letters = key.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) => {
            FLAGS.iter().find(|flag| flag.short == Some(letter)).map_or(key, |flag| flag.key)
        }
        _ => key,
    }
}

/// What changing the key on a running cluster takes. A key that is not known is taken to roll.
pub fn class(key: &str) -> Class {
    flag(key).map_or(Class::Rolling, |flag| flag.class)
}

/// What disabling or enabling a component on a running cluster takes: k3s compares only servicelb between servers.
pub fn disable_class(component: Component) -> Class {
    if component == Component::Servicelb { Class::Together } else { Class::Rolling }
}

/// Whether the key's value is a credential.
pub fn secret(key: &str) -> bool {
    flag(key).is_some_and(|flag| flag.secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_know_what_changing_them_takes() {
        assert_eq!(class("kubelet-arg"), Class::Rolling);
        assert_eq!(class("flannel-backend"), Class::Together);
        assert_eq!(class("cluster-cidr"), Class::Fixed);
        assert_eq!(disable_class(Component::Servicelb), Class::Together);
        assert_eq!(disable_class(Component::Traefik), Class::Rolling);
    }

    #[test]
    fn credentials_are_marked() {
        let secret: Vec<_> = FLAGS.iter().filter(|flag| flag.secret).map(|flag| flag.key).collect();
        assert_eq!(
            secret,
            [
                "token",
                "agent-token",
                "datastore-endpoint",
                "etcd-s3-access-key",
                "etcd-s3-secret-key",
                "etcd-s3-session-token",
                "vpn-auth"
            ]
        );
    }
}
