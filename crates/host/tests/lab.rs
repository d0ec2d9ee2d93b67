//! The privileged half of conformance: real services, packages, owners and guards, on a real host over SSH.
//!
//! `CORACLE_LAB_SSH` is the ssh command up to and with the host's name, as in `ssh -F config host`;
//! `CORACLE_LAB_ROOT` says how its user becomes root: `root` (default), `sudo`, `doas`, or `password`, which is then
//! the first line of the file `CORACLE_LAB_PASSWORD`. The host is one to be thrown away. Without it nothing is tested.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "tests reach a real host, and say when there is none"
)]

use std::{
    env, fs,
    io::{Read, Write},
    process::{Command, Stdio},
    time::Duration,
};

use host::{Escalation, encode, remote};
use model::{
    condition::Condition,
    facts::{FileFact, FileMeta, HostFacts, Init, PackageTool},
    op::{Guard, HostOp, Look, Run, Survey},
    plan::StepId,
    port::{Body, Exec, ExecStep},
    reply::{FailureKind, Said, StepReply},
    resource::{Kind, ResourceId},
    secret::{Content, Secret},
};

struct Lab {
    ssh: Vec<String>,
    escalation: Escalation,
    password: Option<Secret>,
}

impl Lab {
    fn find() -> Option<Self> {
        let Ok(ssh) = env::var("CORACLE_LAB_SSH") else {
            println!("not here, not tested: a host (CORACLE_LAB_SSH)");
            return None;
        };
        let escalation = match env::var("CORACLE_LAB_ROOT").as_deref() {
            Ok("sudo") => Escalation::Sudo,
            Ok("doas") => Escalation::Doas,
            Ok("password") => Escalation::SudoPassword,
            _ => Escalation::Root,
        };
        let password = env::var("CORACLE_LAB_PASSWORD").ok().map(|file| {
            let text = fs::read_to_string(file).expect("a readable file");
            Secret::new(text.lines().next().unwrap_or_default().as_bytes().to_vec())
        });
        Some(Self { ssh: ssh.split_whitespace().map(str::to_owned).collect(), escalation, password })
    }

    fn exec(&self, steps: Vec<ExecStep>) -> Vec<StepReply> {
        let (input, mut decoder) = encode(&Exec { steps }, self.password.as_ref()).expect("it can be sent");
        let mut child = Command::new(&self.ssh[0])
            .args(&self.ssh[1..])
            .arg(remote(self.escalation))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("ssh runs");
        let mut stdin = child.stdin.take().expect("piped");
        let mut stdout = child.stdout.take().expect("piped");
        let mut said = Vec::new();
        let mut hear = |bytes: &[u8]| {
            decoder.feed(bytes, &mut |word| said.push(word));
            decoder.ready()
        };
        let mut buffer = [0; 4096];
        if let Some(password) = &input.password {
            stdin.write_all(password.expose()).expect("it listens");
            while let Ok(size @ 1..) = stdout.read(&mut buffer) {
                if hear(&buffer[..size]) {
                    break;
                }
            }
        }
        let archive = input.archive.clone();
        let writer = std::thread::spawn(move || stdin.write_all(archive.expose()));
        while let Ok(size @ 1..) = stdout.read(&mut buffer) {
            hear(&buffer[..size]);
        }
        let output = child.wait_with_output().expect("ours");
        writer.join().expect("it ends").expect("all was taken");
        decoder
            .finish(output.status.code(), &output.stderr, &mut |word| said.push(word))
            .unwrap_or_else(|fault| panic!("{fault}\n{}", String::from_utf8_lossy(&output.stderr)));
        let reply = |said| match said {
            Said::Ended(_, reply) => Some(reply),
            Said::Began(_) => None,
        };
        said.into_iter().filter_map(reply).collect()
    }

    fn ask(&self, step: ExecStep) -> StepReply {
        self.exec(vec![step]).pop().expect("a reply")
    }

    /// Does it, and does it again.
    fn changes(&self, step: &ExecStep) {
        let replies = self.exec(vec![step.clone(), step.clone()]);
        assert_eq!(replies, [StepReply::Changed, StepReply::Unchanged], "{}", step.id);
    }

    fn look(&self, survey: Survey) -> HostFacts {
        match self.ask(step(HostOp::Observe(survey))) {
            StepReply::Observed(facts, _) => facts,
            other => panic!("{other:?}"),
        }
    }

    /// Looks until it is so: starts and reverts are not waited for by what asks for them.
    fn until(&self, survey: &Survey, is: impl Fn(&HostFacts) -> bool) -> HostFacts {
        for _ in 0..100 {
            let facts = self.look(survey.clone());
            if is(&facts) {
                return facts;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("it never came to be");
    }
}

fn step(op: HostOp) -> ExecStep {
    let own = op.places();
    ExecStep { id: StepId::parse(op.name()), op, was: Condition::Holds, own, bodies: Vec::new() }
}

fn meta(mode: u32, owner: &str, group: &str) -> FileMeta {
    FileMeta { mode, owner: owner.to_owned(), group: group.to_owned() }
}

fn put(path: &str, meta: FileMeta, text: &str) -> ExecStep {
    let op = HostOp::PutFile { path: path.to_owned(), meta, content: Content::text(text), later: None };
    let body = Body { bytes: Secret::new(text.as_bytes().to_vec()), secret: false };
    ExecStep { bodies: vec![body], ..step(op) }
}

fn restore(kind: Kind, name: &str) -> ExecStep {
    step(HostOp::Restore { resource: ResourceId::new(kind, name) })
}

fn claim(lab: &Lab) -> HostFacts {
    let cluster = "trial".parse().expect("a name");
    lab.ask(step(HostOp::Claim { cluster, id: "1".to_owned(), instead: None }));
    lab.look(Survey::default())
}

#[test]
fn a_host_tells_what_it_is() {
    let Some(lab) = Lab::find() else { return };
    let facts = claim(&lab);
    let stable = &facts.stable;
    assert!(!stable.system.id.is_empty() && !stable.hostname.is_empty(), "{stable:?}");
    assert!(!stable.addresses.is_empty(), "{stable:?}");
    assert!(facts.volatile.memory > 1 << 26 && facts.volatile.disk_free > 1 << 20, "{:?}", facts.volatile);
    assert!(facts.volatile.uptime > 0 && facts.volatile.clock > 1_700_000_000, "{:?}", facts.volatile);
    println!("{facts:#?}");
}

#[test]
fn kernel_settings_are_read_whole() {
    let Some(lab) = Lab::find() else { return };
    let key = "kernel.pid_max";
    let survey = || Survey { sysctls: vec![key.to_owned()], ..Survey::default() };
    let value = lab.look(survey()).stable.sysctls[key].clone().expect("every kernel has it");
    assert!(value.parse::<u32>().is_ok_and(|value| value > 300), "{value}");
    let values = [(key.to_owned(), value)].into();
    assert_eq!(lab.ask(step(HostOp::SetSysctls { values })), StepReply::Unchanged);
}

#[test]
fn files_belong_to_whom_they_shall() {
    let Some(lab) = Lab::find() else { return };
    claim(&lab);
    let path = "/etc/coracle-trial/deep/file";
    lab.changes(&put(path, meta(0o4750, "nobody", "daemon"), "x"));
    lab.changes(&step(HostOp::PutDir {
        path: "/etc/coracle-trial".to_owned(),
        meta: meta(0o2711, "daemon", "nogroup"),
    }));
    lab.changes(&step(HostOp::SetMeta { path: path.to_owned(), meta: meta(0o600, "12345", "54321") }));
    let mut survey = Survey::default();
    survey.paths.insert(path.to_owned(), Look::Meta);
    survey.paths.insert("/etc/coracle-trial".to_owned(), Look::Meta);
    let files = lab.look(survey.clone()).stable.files;
    assert_eq!(files["/etc/coracle-trial"], FileFact::Dir { meta: meta(0o2711, "daemon", "nogroup") });
    let FileFact::File { meta: found, .. } = &files[path] else { panic!("{files:?}") };
    assert_eq!(*found, meta(0o600, "12345", "54321"));
    lab.changes(&restore(Kind::Mode, path));
    let FileFact::File { meta: found, .. } = lab.look(survey).stable.files[path].clone() else {
        panic!("gone")
    };
    assert_eq!(found, meta(0o4750, "nobody", "daemon"));
    lab.changes(&restore(Kind::File, path));
    lab.changes(&restore(Kind::Dir, "/etc/coracle-trial"));
}

const NAME: &str = "coracle-trial";

fn unit(init: Init) -> ExecStep {
    match init {
        Init::Systemd => put(
            &format!("/etc/systemd/system/{NAME}.service"),
            meta(0o644, "root", "root"),
            "[Service]\nExecStart=/bin/sh -c 'exec sleep 100000'\nExecReload=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
        ),
        Init::Openrc => put(
            &format!("/etc/init.d/{NAME}"),
            meta(0o755, "root", "root"),
            "#!/sbin/openrc-run\ncommand=/bin/sleep\ncommand_args=100000\ncommand_background=yes\npidfile=/run/coracle-trial.pid\n",
        ),
    }
}

#[test]
fn services_are_started_reloaded_restarted_and_given_back() {
    let Some(lab) = Lab::find() else { return };
    let init = claim(&lab).stable.init;
    let unit = unit(init);
    lab.ask(unit.clone());
    let survey = Survey { services: vec![NAME.to_owned()], ..Survey::default() };
    let set = |enabled, run| step(HostOp::SetService { init, name: NAME.to_owned(), enabled, run });
    let is = |enabled: bool, active: bool| {
        move |facts: &HostFacts| {
            let fact = &facts.stable.services[NAME];
            fact.known && fact.enabled == enabled && fact.active == active
        }
    };
    lab.until(&survey, is(false, false));
    let started = |stamp: &str| Run::Started { stamp: Some(stamp.to_owned()) };
    assert_eq!(lab.ask(set(Some(true), started("a"))), StepReply::Changed);
    let facts = lab.until(&survey, is(true, true));
    assert_eq!(facts.stable.services[NAME].stamp.as_deref(), Some("a"));
    assert_eq!(lab.ask(set(Some(true), started("a"))), StepReply::Unchanged);
    assert_eq!(lab.ask(set(None, started("b"))), StepReply::Changed);
    lab.until(&survey, is(true, true));
    assert_eq!(lab.ask(set(None, Run::Reloaded { stamp: "c".to_owned() })), StepReply::Changed);
    lab.until(&survey, is(true, true));
    lab.changes(&set(Some(false), Run::Stopped));
    assert_eq!(lab.ask(set(Some(true), started("d"))), StepReply::Changed);
    lab.until(&survey, is(true, true));
    lab.changes(&restore(Kind::Service, NAME));
    lab.until(&survey, is(false, false));
    let Some(file) = unit.op.places() else { panic!("it places a file") };
    lab.changes(&restore(file.kind, &file.name));
    let missing = lab.ask(set(None, started("e")));
    assert!(matches!(&missing, StepReply::Failed(why) if why.kind == FailureKind::Missing), "{missing:?}");
}

#[test]
fn packages_are_installed_where_their_source_has_them() {
    let Some(lab) = Lab::find() else { return };
    claim(&lab);
    let install = |name: &str| {
        let op = HostOp::InstallPackages { tool: PackageTool::Apt, names: vec![name.to_owned()] };
        ExecStep { own: Some(ResourceId::new(Kind::Package, name)), ..step(op) }
    };
    let Ok(name) = env::var("CORACLE_LAB_PACKAGE") else {
        println!("not here, not tested: a package to install (CORACLE_LAB_PACKAGE)");
        return;
    };
    lab.ask(install(&name));
    let facts = lab.look(Survey { packages: vec![name.clone(), "no-such".to_owned()], ..Survey::default() });
    assert_eq!(facts.stable.installed.values().copied().collect::<Vec<_>>().len(), 2);
    assert!(facts.stable.installed[&name] && !facts.stable.installed["no-such"]);
    assert_eq!(lab.ask(install(&name)), StepReply::Unchanged);
    let missing = lab.ask(install("no-such"));
    assert!(matches!(&missing, StepReply::Failed(why) if why.kind == FailureKind::Command), "{missing:?}");
    lab.changes(&restore(Kind::Package, &name));
}

#[test]
fn a_guard_takes_a_change_back_when_nobody_disarms_it() {
    let Some(lab) = Lab::find() else { return };
    let init = claim(&lab).stable.init;
    let path = "/etc/coracle-guarded";
    lab.ask(put(path, meta(0o640, "root", "daemon"), "before\n"));
    let paths = vec![path.to_owned(), "/etc/coracle-new".to_owned()];
    let arm = |id: &str, window| {
        let guard =
            Guard { id: id.to_owned(), init, window, paths: paths.clone(), service: "ssh".to_owned() };
        step(HostOp::ArmGuard(guard))
    };
    let id = format!("trial-{}", std::process::id());
    let change = || {
        vec![
            put(path, meta(0o600, "root", "root"), "after\n"),
            put("/etc/coracle-new", meta(0o600, "root", "root"), "x"),
        ]
    };
    let disarm = |id: &str| step(HostOp::DisarmGuard { id: id.to_owned() });

    // Disarmed, it is as if it had never been.
    let kept = format!("{id}-kept");
    let replies = lab.exec([vec![arm(&kept, 60)], change(), vec![disarm(&kept)]].concat());
    assert_eq!(replies, vec![StepReply::Changed; 4]);

    lab.ask(put(path, meta(0o640, "root", "daemon"), "before\n"));
    lab.ask(restore(Kind::File, "/etc/coracle-new"));
    lab.exec([vec![arm(&id, 1)], change()].concat());
    let mut survey = Survey::default();
    survey.paths.insert(path.to_owned(), Look::Meta);
    survey.paths.insert("/etc/coracle-new".to_owned(), Look::Meta);
    let facts = lab.until(&survey, |facts| facts.volatile.guard.is_none());
    let facts = if facts.stable.files["/etc/coracle-new"] == FileFact::Absent {
        facts
    } else {
        lab.until(&survey, |facts| facts.stable.files["/etc/coracle-new"] == FileFact::Absent)
    };
    let FileFact::File { meta: found, .. } = &facts.stable.files[path] else { panic!("{facts:?}") };
    assert_eq!(*found, meta(0o640, "root", "daemon"));
    let late = lab.ask(disarm(&id));
    assert!(matches!(&late, StepReply::Failed(why) if why.kind == FailureKind::GuardFired), "{late:?}");
    lab.changes(&restore(Kind::File, path));
}
