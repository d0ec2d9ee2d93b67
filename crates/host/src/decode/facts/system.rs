//! The machine and its operating system.

use model::facts::{Arch, Fetcher, Init, PackageTool, System};

use crate::decode::evidence::Evidence;

/// os-release is shell assignments: values may be quoted, with backslashes before `"$`\` in double quotes.
pub(super) fn os(evidence: &Evidence) -> System {
    let text = evidence.texts("", "/os-release").into_iter().next().map(|(_, text)| text).unwrap_or_default();
    let field = |key: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
        line.map(unquote).unwrap_or_default()
    };
    System {
        id: field("ID"),
        like: field("ID_LIKE").split_whitespace().map(str::to_owned).collect(),
        version: field("VERSION_ID"),
        pretty: field("PRETTY_NAME"),
    }
}

fn unquote(value: &str) -> String {
    let value = value.trim();
    if let Some(inner) = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
        return inner.to_owned();
    }
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    let mut out = String::new();
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        out.push(if letter == '\\' { letters.next().unwrap_or('\\') } else { letter });
    }
    out
}

pub(super) fn arch(evidence: &Evidence) -> Arch {
    let kernel = evidence.text("/proc/sys/kernel/arch");
    let machine = if kernel.trim().is_empty() { evidence.word("machine") } else { kernel.trim().to_owned() };
    match machine.as_str() {
        "x86_64" | "amd64" => Arch::Amd64,
        "aarch64" | "arm64" => Arch::Arm64,
        "s390x" => Arch::S390x,
        // k3s's 32-bit build needs hardware floating point, which ARMv6 machines may lack.
        arm if arm.starts_with("armv7") || arm.starts_with("armv8") => Arch::Armhf,
        _ => Arch::Other,
    }
}

pub(super) fn init(evidence: &Evidence) -> Result<Init, String> {
    match evidence.word("init").as_str() {
        "systemd" => Ok(Init::Systemd),
        "openrc" => Ok(Init::Openrc),
        _ => Err("what starts services is missing".to_owned()),
    }
}

pub(super) fn packages(evidence: &Evidence) -> Option<PackageTool> {
    match evidence.word("packages").as_str() {
        "apt-get" => Some(PackageTool::Apt),
        "dnf" => Some(PackageTool::Dnf),
        "apk" => Some(PackageTool::Apk),
        _ => None,
    }
}

pub(super) fn fetcher(evidence: &Evidence) -> Option<Fetcher> {
    match evidence.word("fetcher").as_str() {
        "curl" => Some(Fetcher::Curl),
        "wget" => Some(Fetcher::Wget),
        _ => None,
    }
}

/// For most of sshd's keywords the first value counts, so only what is read before all others can be relied on.
pub(super) fn sshd_dropins(evidence: &Evidence) -> bool {
    let text = evidence.text("/etc/ssh/sshd_config");
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let mut words = first
        .unwrap_or_default()
        .split(|c: char| c.is_whitespace() || c == '=')
        .filter(|word| !word.is_empty());
    words.next().is_some_and(|word| word.eq_ignore_ascii_case("include"))
        && words.any(|path| path.trim_matches('"').ends_with("sshd_config.d/*.conf"))
}

/// Of the unified hierarchy where there is one, else of the legacy list (name, hierarchy, groups, enabled).
pub(super) fn memory_cgroup(evidence: &Evidence) -> bool {
    let unified = evidence.text("/sys/fs/cgroup/cgroup.controllers");
    if !unified.is_empty() {
        return unified.split_whitespace().any(|name| name == "memory");
    }
    evidence.text("/proc/cgroups").lines().any(|line| {
        let mut fields = line.split_whitespace();
        fields.next() == Some("memory") && fields.nth(2) == Some("1")
    })
}

/// Bytes; `df -Pk` gives blocks of 1024, the fourth field of its second line.
pub(super) fn disk_free(evidence: &Evidence) -> u64 {
    let text = evidence.word("df");
    let free =
        text.lines().last().and_then(|line| line.split_whitespace().nth(3)).and_then(|n| n.parse().ok());
    free.unwrap_or(0_u64).saturating_mul(1024)
}

/// Bytes; /proc/meminfo counts in units of 1024, whatever it calls them.
pub(super) fn memory(evidence: &Evidence) -> u64 {
    let text = evidence.text("/proc/meminfo");
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let total = total.and_then(|rest| rest.split_whitespace().next()).and_then(|n| n.parse().ok());
    total.unwrap_or(0_u64).saturating_mul(1024)
}

/// The whole seconds at the start of a text.
pub(super) fn seconds(text: &str) -> u64 {
    text.split(['.', ' ', '\n']).next().and_then(|whole| whole.parse().ok()).unwrap_or(0)
}
