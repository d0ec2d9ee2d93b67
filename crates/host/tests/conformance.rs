//! The conformance cases against the real scripts, under every shell that is here.

#![allow(clippy::disallowed_methods, reason = "tests work on real files, each shell on its own thread")]

mod ground;

use std::{fs, os::unix::fs::PermissionsExt, os::unix::fs::symlink};

use ground::{Ground, Shell, shells};
use model::{
    facts::{Init, PackageTool},
    fault::HostFault,
    port::Exec,
    reply::Said,
};
use testkit::conformance::{Case, Given, OPERATIONS, Subject, World, cases, judge};

#[test]
fn every_operation_has_a_case() {
    let world = world(Init::Systemd);
    let covered: Vec<_> = cases(&world).iter().map(|case| case.step.op.name()).collect();
    for operation in OPERATIONS {
        assert!(covered.contains(&operation), "{operation}");
    }
    for name in covered {
        assert!(OPERATIONS.contains(&name), "{name} is missing in OPERATIONS");
    }
}

#[test]
fn scripts_answer_every_case_under_systemd() {
    all(Init::Systemd);
}

#[test]
fn scripts_answer_every_case_under_openrc() {
    all(Init::Openrc);
}

fn all(init: Init) {
    let world = world(init);
    // The shells have nothing to do with each other.
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let world = &world;
        let runs: Vec<_> =
            shells().into_iter().map(|shell| scope.spawn(move || under(shell, init, world))).collect();
        runs.into_iter().flat_map(|run| run.join().expect("it says what is wrong")).collect()
    });
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn under(shell: Shell, init: Init, world: &World) -> Vec<String> {
    let wanted = cases(world).into_iter().filter(|case| init == Init::Systemd || differs(case));
    let run = |case: Case| {
        let wrong = judge(&case, world, &mut Host::new(shell, init)).err()?;
        Some(format!("{}: {}: {wrong}", shell.name, case.name))
    };
    wanted.filter_map(run).collect()
}

/// Whether a case depends on what starts services; for the others one run is enough.
fn differs(case: &Case) -> bool {
    let op = case.step.op.name();
    let depends =
        ["set-service", "install-packages", "arm-guard", "disarm-guard", "kill-k3s", "remove-k3s", "observe"];
    depends.contains(&op) || case.before.iter().any(|given| matches!(given, Given::Service { .. }))
}

/// Files belong to whoever runs the tests.
fn world(init: Init) -> World {
    let mine = ground::whoami();
    let packages = if init == Init::Systemd { PackageTool::Apt } else { PackageTool::Apk };
    World { owner: mine.0, group: mine.1, init, packages }
}

struct Host {
    ground: Ground,
    init: Init,
}

impl Host {
    fn new(shell: Shell, init: Init) -> Self {
        let ground = Ground::new(shell);
        match init {
            Init::Systemd => fs::create_dir_all(ground.path("/run/systemd/system")).expect("room"),
            Init::Openrc => fs::create_dir_all(ground.path("/run/openrc")).expect("room"),
        }
        ground.write("/proc/sys/kernel/hostname", "harbor-1\n");
        symlink("/proc/uptime", ground.path("/proc/uptime")).expect("room");
        ground.write("/proc/sys/kernel/random/boot_id", "b-1\n");
        ground.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
        ground.write("/fake/log", "");
        Self { ground, init }
    }

    fn mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.ground.path(path), PermissionsExt::from_mode(mode)).expect("ours");
    }

    fn service(&self, name: &str, enabled: bool, active: bool) {
        match self.init {
            Init::Systemd => {
                let words = format!("{} {}\n", u8::from(enabled), u8::from(active));
                self.ground.write(&format!("/fake/units/{name}"), words);
            }
            Init::Openrc => {
                self.ground.write(&format!("/etc/init.d/{name}"), "#!/sbin/openrc-run\n");
                self.mode(&format!("/etc/init.d/{name}"), 0o755);
                let links = [(enabled, "/etc/runlevels/default"), (active, "/run/openrc/started")];
                for (_, dir) in links.iter().filter(|(set, _)| *set) {
                    fs::create_dir_all(self.ground.path(dir)).expect("room");
                    let link = self.ground.path(&format!("{dir}/{name}"));
                    symlink(format!("/etc/init.d/{name}"), link).expect("room");
                }
            }
        }
    }
}

impl Subject for Host {
    fn given(&mut self, given: &Given) {
        match given {
            Given::File { path, mode, text } => {
                self.ground.write(path, text);
                self.mode(path, *mode);
            }
            Given::Dir { path, mode } => {
                fs::create_dir_all(self.ground.path(path)).expect("room");
                self.mode(path, *mode);
            }
            Given::Link { path, target } => {
                let link = self.ground.path(path);
                fs::create_dir_all(link.parent().expect("not the root")).expect("room");
                symlink(target, link).expect("room");
            }
            Given::Service { name, enabled, active } => self.service(name, *enabled, *active),
            Given::Package { name, installed } => {
                let shelf = if *installed { "packages" } else { "available" };
                self.ground.write(&format!("/fake/{shelf}/{name}"), "");
            }
            Given::Sysctl { key, value } => {
                self.ground.write(&format!("/proc/sys/{}", key.replace('.', "/")), format!("{value}\n"));
            }
            Given::Module { name, loaded } => {
                let shelf = if *loaded { "/sys/module" } else { "/fake/modules" };
                fs::create_dir_all(self.ground.path(&format!("{shelf}/{name}"))).expect("room");
            }
            Given::Served { url, text } => {
                let name = url.rsplit('/').next().expect("a URL has parts");
                self.ground.write(&format!("/fake/web/{name}"), text);
            }
            Given::Boot => self.ground.boot(),
            Given::Done(_) => unreachable!("the judge does these itself"),
        }
    }

    fn exec(&mut self, exec: Exec) -> (Vec<Said>, Result<(), HostFault>) {
        self.ground.exec(&exec)
    }
}
