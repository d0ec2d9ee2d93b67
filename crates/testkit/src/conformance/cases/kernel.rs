//! Packages, modules, kernel settings.

use model::{
    op::HostOp,
    reply::FailureKind::{Command, Missing},
};

use super::{Case, Expect, Given, Step, Then, World, case};

pub(super) fn cases(world: &World) -> Vec<Case> {
    [packages(world), modules(), sysctls()].concat()
}

fn packages(world: &World) -> Vec<Case> {
    let install = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Step::new(HostOp::InstallPackages { tool: world.packages, names })
    };
    let package = |name, installed| Given::Package { name, installed };
    vec![
        case("packages are installed", install(&["chrony", "nfs-common"]), Expect::Changed)
            .before([package("chrony", false), package("nfs-common", true)])
            .after([Then::Installed("chrony"), Then::Installed("nfs-common")]),
        case("installed packages are left alone", install(&["chrony"]), Expect::Unchanged)
            .before([package("chrony", true)]),
        case("a package that nobody has is a failed command", install(&["no-such"]), Expect::Failed(Command)),
    ]
}

fn modules() -> Vec<Case> {
    let load = |names: &[&str]| {
        Step::new(HostOp::LoadModules { names: names.iter().map(|name| (*name).to_owned()).collect() })
    };
    let module = |name, loaded| Given::Module { name, loaded };
    vec![
        case("modules are loaded", load(&["br_netfilter", "overlay"]), Expect::Changed)
            .before([module("br_netfilter", false), module("overlay", true)])
            .after([Then::Module("br_netfilter"), Then::Module("overlay")]),
        case(
            "a loaded module is left alone, however it is written",
            load(&["br-netfilter"]),
            Expect::Unchanged,
        )
        .before([module("br_netfilter", true)]),
        case(
            "a module that the kernel lacks is a failed command",
            load(&["no_such"]),
            Expect::Failed(Command),
        ),
    ]
}

fn sysctls() -> Vec<Case> {
    let set = |pairs: &[(&str, &str)]| {
        let values = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Step::new(HostOp::SetSysctls { values })
    };
    let has = |key, value| Given::Sysctl { key, value };
    vec![
        case("a setting is set", set(&[("net.ipv4.ip_forward", "1")]), Expect::Changed)
            .before([has("net.ipv4.ip_forward", "0")])
            .after([Then::Sysctl("net.ipv4.ip_forward", "1")]),
        case(
            "a setting that is right is left alone",
            set(&[("net.ipv4.ip_forward", "1")]),
            Expect::Unchanged,
        )
        .before([has("net.ipv4.ip_forward", "1")]),
        case(
            "blanks and tabs in a value are the same",
            set(&[("net.ipv4.ip_local_port_range", "1024\t65000")]),
            Expect::Unchanged,
        )
        .before([has("net.ipv4.ip_local_port_range", "1024 65000")])
        .after([Then::Sysctl("net.ipv4.ip_local_port_range", "1024 65000")]),
        case(
            "a setting that the kernel lacks is missing",
            set(&[("net.no.such", "1")]),
            Expect::Failed(Missing),
        ),
    ]
}
