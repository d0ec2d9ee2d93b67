//! The conformance cases, which the host scripts answer too, against a simulated machine.

use std::time::Duration;

use model::{
    NodeName,
    facts::{Init, PackageTool},
    fault::HostFault,
    port::{Clock as _, Exec, Hosts as _},
    reply::Said,
};
use sim::{Sim, Thing};
use testkit::conformance::{Given, Subject, World, cases, judge};

use crate::yard::{name, world_of};

struct Machine {
    sim: Sim,
    host: NodeName,
}

impl Machine {
    fn new(init: Init) -> Self {
        // Cases change what sshd allows root.
        let shared = world_of(2, "op");
        if init == Init::Openrc {
            shared.borrow_mut().mix_systems();
        }
        // The second of a mixed world has OpenRC.
        let machine =
            Self { sim: Sim::new(&shared), host: name(if init == Init::Openrc { "b" } else { "a" }) };
        for path in ["/etc/motd", "/etc/ssh/sshd_config", "/etc/crontab"] {
            machine.furnish(Thing::Nothing { path: path.to_owned() });
        }
        for lacking in ["no-such", "no_such", "net.no.such"] {
            machine.furnish(Thing::Lack(lacking.to_owned()));
        }
        machine
    }

    fn furnish(&self, thing: Thing) {
        self.sim.world_ref().borrow_mut().furnish(&self.host, thing);
    }
}

impl Subject for Machine {
    fn given(&mut self, given: &Given) {
        let thing = match given.clone() {
            Given::File { path, mode, text } => {
                Thing::File { path: path.to_owned(), mode, bytes: text.into_bytes() }
            }
            Given::Dir { path, mode } => Thing::Dir { path: path.to_owned(), mode },
            Given::Link { path, target } => Thing::Link { path: path.to_owned(), target: target.to_owned() },
            Given::Service { name, enabled, active } => {
                Thing::Service { name: name.to_owned(), enabled, active }
            }
            Given::Package { name, installed: true } => Thing::Package(name.to_owned()),
            Given::Module { name, loaded: true } => Thing::Module(name.to_owned()),
            Given::Sysctl { key, value } => Thing::Sysctl { key: key.to_owned(), value: value.to_owned() },
            Given::Served { url, text } => {
                return self.sim.world_ref().borrow_mut().serve(url, text.as_bytes());
            }
            Given::Boot => {
                let fault = format!("reboot {}", self.host).parse().expect("a fault");
                self.sim.world_ref().borrow_mut().add_fault(fault).expect("a host of this world");
                assert!(self.sim.run(self.sim.sleep(Duration::from_mins(1))).done().is_some());
                return;
            }
            Given::Package { .. } | Given::Module { .. } | Given::Done(_) => return,
        };
        self.furnish(thing);
    }

    fn exec(&mut self, exec: Exec) -> (Vec<Said>, Result<(), HostFault>) {
        let mut said = Vec::new();
        let mut heard = |word| said.push(word);
        let end = self.sim.run(self.sim.exec(&self.host, exec, &mut heard)).done();
        (said, end.expect("the process lives"))
    }
}

fn all(init: Init, packages: PackageTool) {
    let kind = World { owner: "root".into(), group: "root".into(), init, packages };
    let wrong: Vec<_> = cases(&kind)
        .into_iter()
        .filter_map(|case| {
            let wrong = judge(&case, &kind, &mut Machine::new(init)).err()?;
            Some(format!("{}: {wrong}", case.name))
        })
        .collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_simulated_debian_answers_every_case() {
    all(Init::Systemd, PackageTool::Apt);
}

#[test]
fn a_simulated_alpine_answers_every_case() {
    all(Init::Openrc, PackageTool::Apk);
}
