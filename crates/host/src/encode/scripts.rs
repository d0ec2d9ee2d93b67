//! The scripts that an exec carries: each operation names the ones that it calls.

use model::op::HostOp;

macro_rules! scripts {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../scripts/", $name)))),*]
    };
}

/// Every script but the entry; those that others build upon come first.
pub(super) const SCRIPTS: &[(&str, &str)] = scripts![
    "say.sh",
    "lock.sh",
    "own.sh",
    "keyed.sh",
    "look.sh",
    "up.sh",
    "file.sh",
    "service.sh",
    "restore.sh",
    "package.sh",
    "kernel.sh",
    "artifact.sh",
    "secret.sh",
    "cluster.sh",
    "integrity.sh",
    "k3s.sh",
    "guard.sh",
    "revert.sh",
    "observe.sh",
];

/// What every exec needs.
pub(super) const ALWAYS: [&str; 5] = ["say.sh", "lock.sh", "own.sh", "keyed.sh", "look.sh"];

/// Where the scripts of an operation are.
pub(super) fn needs(op: &HostOp) -> &'static [&'static str] {
    match op {
        HostOp::Observe(_) => &["service.sh", "package.sh", "kernel.sh", "secret.sh", "observe.sh", "up.sh"],
        HostOp::TakeLock(_) | HostOp::ReleaseLock { .. } | HostOp::Claim { .. } | HostOp::Unclaim => {
            &["up.sh", "cluster.sh"]
        }
        HostOp::PutFile { .. } | HostOp::PutDir { .. } | HostOp::PutLink { .. } | HostOp::SetMeta { .. } => {
            &["file.sh"]
        }
        HostOp::Restore { .. } => &["file.sh", "service.sh", "restore.sh"],
        HostOp::InstallPackages { .. } => &["package.sh"],
        HostOp::LoadModules { .. } | HostOp::SetSysctls { .. } => &["kernel.sh"],
        HostOp::SetService { .. } => &["service.sh"],
        HostOp::FetchArtifact { .. } | HostOp::ReceiveChunk { .. } => &["file.sh", "artifact.sh"],
        HostOp::MakeSecret { .. } | HostOp::ReadSecret { .. } => &["file.sh", "secret.sh"],
        HostOp::ArmGuard(_) | HostOp::DisarmGuard { .. } => &["up.sh", "guard.sh", "revert.sh"],
        HostOp::RecordIntegrity { .. } => &["integrity.sh"],
        HostOp::KillK3s | HostOp::RemoveK3s { .. } => &["service.sh", "k3s.sh"],
    }
}
