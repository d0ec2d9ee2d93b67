//! What an empty machine comes with.
//!
//! Owns: systems as they are installed, and what their packages bring. Must not: depend on any cluster.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use model::{
    NodeName,
    digest::Sha256,
    facts::{Address, Arch, Fetcher, Init, PackageTool, System},
};

use super::{
    BecomeRoot, Build, HostClock, Link, Machine, Marks, Power, PowerState, Service, Ssh, ToldData,
    disk::Disk, sshd,
};

/// Systems that the rehearsal knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stock {
    Debian,
    Ubuntu,
    Fedora,
    Alpine,
}

/// A freshly installed machine.
pub(crate) fn empty(
    name: &NodeName,
    stock: Stock,
    arch: Arch,
    addresses: Vec<Address>,
    user: &str,
) -> Machine {
    let mut users: BTreeSet<String> = ["root", "daemon", "nobody", "adm", "shadow"].map(str::to_owned).into();
    users.insert(user.to_owned());
    let machine_id = Sha256::of(format!("{name} machine-id").as_bytes()).as_str()[..32].to_owned();
    let (init, packages) = match stock {
        Stock::Debian | Stock::Ubuntu => (Init::Systemd, PackageTool::Apt),
        Stock::Fedora => (Init::Systemd, PackageTool::Dnf),
        Stock::Alpine => (Init::Openrc, PackageTool::Apk),
    };
    let mut machine = Machine {
        name: name.clone(),
        build: Build {
            system: system(stock),
            arch,
            init,
            packages: Some(packages),
            fetcher: Some(if stock == Stock::Alpine { Fetcher::Wget } else { Fetcher::Curl }),
            hostname: name.as_str().to_owned(),
            machine_id: Some(machine_id),
            addresses,
            memory_cgroup: true,
            swap: false,
            selinux_enforcing: false,
            selinux_policy: false,
            sshd_dropins: true,
            firewalls: Vec::new(),
            users,
        },
        disk: Disk::default(),
        installed: BTreeSet::new(),
        services: services(stock),
        running: BTreeMap::new(),
        sysctls: BTreeMap::new(),
        modules: boot_modules(),
        lacks: BTreeSet::new(),
        marks: Marks::default(),
        power: Power {
            state: PowerState::On,
            boots: 1,
            since: Duration::ZERO,
            head_start: 3600,
            told_boot_id: None,
        },
        clock: HostClock { ahead: 0, synced: Some(true) },
        disk_free: 40 << 30,
        memory: 4 << 30,
        link: Link { operator: true, nodes: true, internet: true, slow: 1 },
        ssh: Ssh {
            user: user.to_owned(),
            rules: sshd::Rules::default(),
            told_fault: None,
            key_changed: false,
            root: BecomeRoot::Allowed,
            sessions: BTreeSet::new(),
            locked_out: None,
        },
        password_made: None,
        told_config: BTreeMap::new(),
        told_data: ToldData::default(),
        told_services: BTreeMap::new(),
        scripts: Vec::new(),
    };
    furnish(&mut machine, stock);
    machine
}

/// A machine of this build, whatever its system.
pub(crate) fn empty_like(name: &NodeName, build: Build, user: &str) -> Machine {
    let mut machine = empty(name, stock_of(&build), build.arch, Vec::new(), user);
    machine.build = build;
    machine.build.users.insert(user.to_owned());
    machine
}

fn stock_of(build: &Build) -> Stock {
    match build.packages {
        Some(PackageTool::Apk) => Stock::Alpine,
        Some(PackageTool::Dnf) => Stock::Fedora,
        Some(PackageTool::Apt) if build.system.id == "ubuntu" => Stock::Ubuntu,
        Some(PackageTool::Apt) | None => Stock::Debian,
    }
}

/// The same machine after its system was installed afresh; its clock of boots goes on.
pub(crate) fn reinstalled(old: &Machine) -> Machine {
    let mut machine = empty_like(&old.name, old.build.clone(), &old.ssh.user);
    machine.link = old.link.clone();
    machine.power = old.power.clone();
    machine.marks.key = Sha256::of(old.marks.key.as_bytes()).to_string();
    machine
}

fn system(stock: Stock) -> System {
    let (id, like, version, pretty) = match stock {
        Stock::Debian => ("debian", vec![], "13", "Debian GNU/Linux 13 (trixie)"),
        Stock::Ubuntu => ("ubuntu", vec!["debian"], "26.04", "Ubuntu 26.04 LTS"),
        Stock::Fedora => ("rocky", vec!["rhel", "centos", "fedora"], "10.0", "Rocky Linux 10.0 (Red Quartz)"),
        Stock::Alpine => ("alpine", vec![], "3.22.1", "Alpine Linux v3.22"),
    };
    System {
        id: id.into(),
        like: like.into_iter().map(str::to_owned).collect(),
        version: version.into(),
        pretty: pretty.into(),
    }
}

fn services(stock: Stock) -> BTreeMap<String, Service> {
    let names: &[&str] = match stock {
        Stock::Debian | Stock::Ubuntu => &["ssh", "cron", "systemd-journald", "systemd-timesyncd"],
        Stock::Fedora => &["systemd-journald", "sshd", "crond", "chronyd"],
        Stock::Alpine => &["sshd", "crond", "ntpd"],
    };
    let running = Service { builtin: true, enabled: true, active: true };
    names.iter().map(|name| ((*name).to_owned(), running.clone())).collect()
}

/// Modules that are there after every boot.
pub(super) fn boot_modules() -> BTreeSet<String> {
    ["ext4", "nf_conntrack"].map(str::to_owned).into()
}

fn furnish(machine: &mut Machine, stock: Stock) {
    let disk = &mut machine.disk;
    for path in ["/etc", "/usr/local/bin", "/var/lib", "/var/log", "/tmp", "/root"] {
        let mode = if path == "/tmp" { 0o1777 } else { 0o755 };
        let entry = super::Entry::Dir { meta: super::disk::root(mode) };
        disk.put(path, entry).expect("the first directories fit");
    }
    disk.write("/etc/hostname", 0o644, format!("{}\n", machine.name));
    disk.write("/etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\n");
    disk.write("/etc/group", 0o644, "root:x:0:\n");
    disk.write("/etc/shadow", 0o640, "root:*:20000:0:99999:7:::\n");
    disk.write("/etc/gshadow", 0o640, "root:*::\n");
    disk.write("/etc/motd", 0o644, format!("Welcome to {}.\n", machine.build.system.pretty));
    disk.write("/etc/resolv.conf", 0o644, "nameserver 192.0.2.53\n");
    let include = "Include /etc/ssh/sshd_config.d/*.conf\n";
    disk.write("/etc/ssh/sshd_config", 0o644, format!("{include}Subsystem sftp internal-sftp\n"));
    disk.write("/etc/crontab", 0o644, "SHELL=/bin/sh\n");
    let unit = match stock {
        Stock::Alpine => "/etc/init.d/sshd",
        Stock::Debian | Stock::Ubuntu => "/usr/lib/systemd/system/ssh.service",
        Stock::Fedora => "/usr/lib/systemd/system/sshd.service",
    };
    disk.write(unit, 0o755, "");
}

/// Services that a package brings, and whether they start at once.
pub(super) fn brought_by(package: &str, tool: PackageTool) -> &'static [(&'static str, bool)] {
    match (package, tool) {
        ("chrony", PackageTool::Apt) => &[("chrony", true)],
        ("chrony", _) => &[("chronyd", false)],
        ("systemd-timesyncd", PackageTool::Apt) => &[("systemd-timesyncd", true)],
        ("ufw", _) => &[("ufw", false)],
        ("fail2ban", PackageTool::Apt) => &[("fail2ban", true)],
        ("fail2ban", _) => &[("fail2ban", false)],
        ("open-iscsi", PackageTool::Apt) => &[("iscsid", false), ("open-iscsi", true)],
        ("iscsi-initiator-utils", _) => &[("iscsid", false)],
        ("nginx", PackageTool::Apt) => &[("nginx", true)],
        ("nginx", _) => &[("nginx", false)],
        ("cgroups", _) => &[("cgroups", false)],
        _ => &[],
    }
}

/// Whether a service keeps the clock in step.
pub(super) fn keeps_time(service: &str) -> bool {
    matches!(service, "chrony" | "chronyd" | "systemd-timesyncd" | "ntpd" | "ntp")
}
