//! Which k3s releases there can be, and whose flags are known.

use crate::cluster::Version;

/// The release that a cluster file without a version gets: the stable channel when this list was made.
pub const DEFAULT: Version = Version { minor: 36, patch: 4, candidate: None, k3s: 1 };

/// The oldest Kubernetes minor whose k3s flags are known here.
pub const OLDEST: u16 = 34;

/// The newest Kubernetes minor whose k3s flags are known here.
pub const NEWEST: u16 = 37;

/// Whether such a release can ever have been made; on `Err` the reason, as it continues the version.
///
/// A minor is maintained for 14 months with about one patch a month, and k3s numbers its own builds from 1.
pub fn exists(version: &Version) -> Result<(), String> {
    if version.k3s == 0 {
        return Err("cannot exist: k3s numbers its builds from +k3s1".to_owned());
    }
    if version.candidate == Some(0) {
        return Err("cannot exist: release candidates are numbered from -rc1".to_owned());
    }
    if version.patch > 30 || version.k3s > 9 || version.candidate.is_some_and(|candidate| candidate > 20) {
        return Err("cannot exist: no release was ever patched or built so often".to_owned());
    }
    Ok(())
}

/// Whether the minor's flags are known; on `Err` the reason, as it continues the version.
pub fn supported(version: &Version) -> Result<(), String> {
    match version.minor {
        minor if minor < OLDEST => Err(format!("is older than v1.{OLDEST}, the oldest that coracle knows")),
        minor if minor > NEWEST => Err(format!("is newer than v1.{NEWEST}, the newest that coracle knows")),
        _ => Ok(()),
    }
}
