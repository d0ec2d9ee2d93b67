//! Facts about one host.

use std::{collections::BTreeMap, net::IpAddr};

use serde::{Deserialize, Serialize};
use spec::name::ClusterName;

use super::K3sFacts;
use crate::{digest::Sha256, resource::ResourceId};

/// What one look at one host gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    /// Facts that only change when somebody changes them; a saved plan is bound to these.
    pub stable: Stable,
    /// Facts that change by themselves; plans may warn about them, never depend on them.
    pub volatile: Volatile,
    /// Texts of public files that are not as they are wanted ([`crate::op::Look::Text`]), by path: for people to
    /// compare, never to decide by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub texts: BTreeMap<String, String>,
}

/// Facts that only change when somebody changes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stable {
    /// The operating system.
    pub system: System,
    /// The processor.
    pub arch: Arch,
    /// What starts services.
    pub init: Init,
    /// What installs packages; `None` when none of the known ones is there.
    pub packages: Option<PackageTool>,
    /// What can download; `None` means artefacts must be sent.
    pub fetcher: Option<Fetcher>,
    /// The host's own name.
    pub hostname: String,
    /// `/etc/machine-id`, if there is one.
    pub machine_id: Option<String>,
    /// Its addresses, without loopback and link-local ones, in the order of its interfaces.
    pub addresses: Vec<Address>,
    /// Whether the memory cgroup controller can be used.
    pub memory_cgroup: bool,
    /// Whether swap is on.
    pub swap: bool,
    /// Whether SELinux enforces.
    pub selinux_enforcing: bool,
    /// Whether k3s's own SELinux policy is installed.
    pub selinux_policy: bool,
    /// Whether sshd's configuration reads `/etc/ssh/sshd_config.d/*.conf` before anything else it says.
    pub sshd_dropins: bool,
    /// Host firewalls that are active.
    pub firewalls: Vec<Firewall>,
    /// Every path asked about, or owned.
    pub files: BTreeMap<String, FileFact>,
    /// Every package asked about: whether it is installed.
    pub installed: BTreeMap<String, bool>,
    /// Every service asked about, or owned.
    pub services: BTreeMap<String, ServiceFact>,
    /// Every kernel setting asked about; `None` when the kernel has none of that name.
    pub sysctls: BTreeMap<String, Option<String>>,
    /// Every module asked about: whether it is loaded or built in.
    pub modules: BTreeMap<String, bool>,
    /// What coracle placed here, if it ever did.
    pub owned: Option<Ownership>,
    /// What is known of k3s here.
    pub k3s: K3sFacts,
    /// The integrity record, by path.
    pub integrity: BTreeMap<String, IntegrityFact>,
}

/// Facts that change by themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volatile {
    /// Changes at every boot.
    pub boot_id: String,
    /// Seconds since boot.
    pub uptime: u64,
    /// Seconds since 1970 by the host's clock.
    pub clock: u64,
    /// Whether the host says that its clock is kept in step; `None` when it cannot say.
    pub clock_synced: Option<bool>,
    /// Free bytes where `/var/lib/rancher` lies or would lie.
    pub disk_free: u64,
    /// Bytes of memory.
    pub memory: u64,
    /// A revert that is armed now.
    pub guard: Option<GuardFact>,
}

/// A revert that is armed on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardFact {
    /// Its name, unique to the run that armed it.
    pub id: String,
    /// Seconds until it fires.
    pub left: u64,
}

/// The operating system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    /// `ID` of os-release, as in `debian`.
    pub id: String,
    /// `ID_LIKE` of os-release, split at blanks.
    pub like: Vec<String>,
    /// `VERSION_ID` of os-release; empty where there is none.
    pub version: String,
    /// `PRETTY_NAME` of os-release.
    pub pretty: String,
}

/// Processors that k3s is built for, and the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum Arch {
    Amd64,
    Arm64,
    Armhf,
    S390x,
    /// Nothing that k3s is released for.
    Other,
}

impl Arch {
    /// The name as k3s's release page writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
            Self::Armhf => "armhf",
            Self::S390x => "s390x",
            Self::Other => "other",
        }
    }
}

/// What starts services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum Init {
    Systemd,
    Openrc,
}

/// What installs packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum PackageTool {
    Apt,
    Dnf,
    Apk,
}

/// What can download.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum Fetcher {
    Curl,
    Wget,
}

/// A host firewall that another tool keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum Firewall {
    Ufw,
    Firewalld,
}

/// One address of one interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Interface name.
    pub interface: String,
    /// The address.
    pub ip: IpAddr,
    /// Length of the prefix.
    pub prefix: u8,
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FileFact {
    /// Nothing.
    Absent,
    /// A regular file.
    File {
        /// Mode and owner.
        meta: FileMeta,
        /// What it holds.
        content: Content,
    },
    /// A directory.
    Dir {
        /// Mode and owner.
        meta: FileMeta,
    },
    /// A symbolic link.
    Link {
        /// Where it points, as written.
        target: String,
    },
    /// A device, socket or pipe.
    Special,
}

/// Mode and owner of a file or directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileMeta {
    /// Permission bits, 0 to 0o7777.
    pub mode: u32,
    /// User name, or number where it has none.
    pub owner: String,
    /// Group name, or number where it has none.
    pub group: String,
}

/// What is known of a file's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Content {
    /// Not asked for.
    Unread,
    /// The digest of a public file.
    Digest(Sha256),
    /// The digest of a file that may hold secrets, keyed with a key that never leaves the host; and whether the
    /// content equals what the survey offered (`None` when it offered nothing).
    Keyed {
        /// Equal for equal contents on the same host.
        digest: Sha256,
        /// Whether it equals what is wanted.
        wanted: Option<bool>,
    },
}

/// State of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceFact {
    /// Whether the host knows it at all.
    pub known: bool,
    /// Whether it starts at boot.
    pub enabled: bool,
    /// Whether it runs, or is about to.
    pub active: bool,
    /// The stamp that coracle left when it last started or reloaded it: digest of what it read then.
    pub stamp: Option<String>,
}

/// What coracle placed on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// The cluster it was placed for.
    pub cluster: ClusterName,
    /// That cluster's id, made when its first host was claimed.
    pub id: String,
    /// Every owned resource.
    pub entries: BTreeMap<ResourceId, Owned>,
}

/// One owned resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// What was there before.
    pub before: Before,
}

/// What was there before coracle placed a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Before {
    /// Nothing, or nothing that could be given back.
    Nothing,
    /// A file or link, kept on the host to be given back.
    Kept,
    /// This mode and owner.
    Meta(FileMeta),
    /// A service in this state.
    Service {
        /// It started at boot.
        enabled: bool,
        /// It ran.
        active: bool,
    },
}

/// A path of the integrity record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IntegrityFact {
    /// Digest at the time of the record; `None` when the path was absent.
    pub recorded: Option<Sha256>,
    /// Digest now; `None` when the path is absent.
    pub now: Option<Sha256>,
}
