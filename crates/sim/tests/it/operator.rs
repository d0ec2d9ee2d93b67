//! The operator's side: connections, faults on the way, deaths, and what of it is heard.

use std::{cell::RefCell, rc::Rc, time::Duration};

use model::{
    event::{Event, What},
    facts::{Init, PackageTool},
    fault::Cause,
    op::{Guard, Holder, HostOp, Lease, Run, Survey},
    port::{Access as _, Clock as _, Events, Exec, ExecStep, Hosts as _},
    reply::{FailureKind, Said, StepReply},
};
use sim::{Ran, Sim, Thing};

use crate::yard::{Hand, file, name, service_step, step, world, world_of};

fn slow_step() -> ExecStep {
    step(HostOp::InstallPackages { tool: PackageTool::Apt, names: vec!["chrony".into()] })
}

fn cause(hand: &Hand, host: &str) -> Option<Cause> {
    hand.exec(host, vec![file("/etc/one", "1")]).1.err().map(|fault| fault.cause)
}

#[test]
fn each_fault_of_the_way_in_has_its_own_cause() {
    let faults = [
        ("kill a", Cause::TimedOut),
        ("hang a", Cause::TimedOut),
        ("cut a", Cause::TimedOut),
        ("reboot a", Cause::Refused),
        ("rekey a", Cause::KeyChanged),
        ("nosudo a", Cause::NoRoot),
        ("asksudo a", Cause::RootPassword),
    ];
    for (fault, expected) in faults {
        let hand = Hand::new(&world(1));
        hand.fault(fault);
        hand.pass(1);
        assert_eq!(cause(&hand, "a"), Some(expected), "{fault}");
        hand.fault("heal a");
        hand.pass(60);
        assert_eq!(cause(&hand, "a"), None, "{fault}, healed");
    }
    assert_eq!(cause(&Hand::new(&world(1)), "z"), Some(Cause::NameNotFound));
}

#[test]
fn with_a_password_for_sudo_the_operator_gets_in() {
    let shared = world(1);
    shared.borrow_mut().add_fault("asksudo a".parse().expect("a fault")).expect("a host");
    let hand = Hand(Sim::new(&shared).with_sudo_password());
    assert_eq!(cause(&hand, "a"), None);
}

#[test]
fn a_fault_that_lasts_a_while_ends_by_itself() {
    let hand = Hand::new(&world(1));
    hand.fault("kill a for 30s");
    hand.pass(5);
    assert_eq!(cause(&hand, "a"), Some(Cause::TimedOut));
    hand.pass(60);
    assert_eq!(cause(&hand, "a"), None);
}

#[test]
fn a_full_disk_fails_the_step_and_keeps_what_was_there() {
    let hand = Hand::new(&world(1));
    hand.good("a", file("/etc/one", "1"));
    hand.fault("fill a");
    hand.pass(1);
    assert_eq!(hand.failure("a", file("/etc/one", "2")).0, FailureKind::DiskFull);
    assert_eq!(hand.0.world_ref().borrow().file(&name("a"), "/etc/one").as_deref(), Some("1"));
    assert!(matches!(hand.one("a", file("/etc/one", "1")), StepReply::Unchanged));
}

#[test]
fn a_host_that_dies_in_the_middle_is_noticed_and_its_step_is_not_done() {
    let hand = Hand::new(&world(1));
    hand.fault("kill a at 2s");
    let (said, end) = hand.exec("a", vec![file("/etc/one", "1"), slow_step()]);
    assert_eq!(end.expect_err("it died").cause, Cause::Lost);
    assert!(matches!(said.last(), Some(Said::Began(_))), "{said:?}");
    hand.fault("heal a");
    hand.pass(60);
    assert_eq!(hand.0.world_ref().borrow().file(&name("a"), "/etc/one").as_deref(), Some("1"));
    assert!(matches!(hand.one("a", slow_step()), StepReply::Changed));
}

#[test]
fn a_script_outlives_the_connection_that_started_it() {
    let hand = Hand::new(&world(1));
    hand.fault("drop a at 2s");
    let (_, end) = hand.exec("a", vec![slow_step(), file("/etc/one", "1")]);
    assert_eq!(end.expect_err("it broke").cause, Cause::Lost);
    hand.pass(30);
    assert!(matches!(hand.one("a", file("/etc/one", "1")), StepReply::Unchanged));
}

#[test]
fn a_cut_script_ends_where_it_is() {
    let hand = Hand::new(&world(1));
    hand.0.world_ref().borrow_mut().cut_scripts(true);
    hand.fault("drop a at 2s");
    drop(hand.exec("a", vec![slow_step(), file("/etc/one", "1")]));
    hand.pass(30);
    assert!(matches!(hand.one("a", slow_step()), StepReply::Changed));
    assert!(matches!(hand.one("a", file("/etc/one", "1")), StepReply::Changed));
}

#[test]
fn what_was_said_over_a_cut_link_arrives_when_the_link_is_back_in_time() {
    let hand = Hand::new(&world(1));
    hand.fault("cut a for 10s at 2s");
    let (said, end) = hand.exec("a", vec![slow_step()]);
    assert_eq!(end, Ok(()));
    assert!(matches!(said.last(), Some(Said::Ended(_, StepReply::Changed))), "{said:?}");
}

#[test]
fn the_next_exec_waits_for_an_orphan_and_gives_up_by_name() {
    let hand = Hand::new(&world(1));
    hand.fault("drop a at 2s");
    drop(hand.exec("a", vec![slow_step()]));
    assert_eq!(cause(&hand, "a"), None);
    hand.fault("slow a x100");
    hand.pass(1);
    hand.fault(&format!("drop a at {}s", hand.0.now().as_secs() + 5));
    drop(hand.exec("a", vec![slow_packages()]));
    // Who looks waits too: what he saw would be out of date at once.
    for next in [file("/etc/two", "2"), step(HostOp::Observe(Survey::default()))] {
        let fault = hand.exec("a", vec![next]).1.expect_err("it is busy");
        assert_eq!(fault.cause, Cause::Busy);
        assert!(fault.detail.contains("install-packages"), "{fault}");
    }
}

fn slow_packages() -> ExecStep {
    step(HostOp::InstallPackages { tool: PackageTool::Apt, names: vec!["nfs-common".into()] })
}

#[test]
fn a_dead_operator_is_dropped_where_he_stands_and_another_goes_on() {
    let shared = world(1);
    shared.borrow_mut().die_after(3);
    let first = Sim::new(&shared);
    let host = name("a");
    let heard = RefCell::new(0);
    let mut hear = |_| *heard.borrow_mut() += 1;
    let exec = Exec { steps: vec![file("/etc/one", "1"), file("/etc/two", "2"), slow_step()] };
    assert_eq!(first.run(first.exec(&host, exec, &mut hear)), Ran::Died);
    assert_eq!(*heard.borrow(), 3);
    let second = Hand::new(&shared);
    assert!(matches!(second.one("a", file("/etc/two", "2")), StepReply::Unchanged));
}

#[test]
fn of_two_operators_at_once_one_gets_the_cluster_lock() {
    let first = Sim::new(&world(1));
    let second = first.beside();
    let host = name("a");
    let take = |pid| {
        let holder = Holder { user: "op".into(), machine: "desk".into(), pid, started: 1 };
        let cluster = "harbor".parse().expect("a name");
        Exec {
            steps: vec![step(HostOp::TakeLock(Lease { holder, cluster, seconds: 600, dead: Vec::new() }))],
        }
    };
    let (mut one, mut other) = (Vec::new(), Vec::new());
    let (mut hear_one, mut hear_other) = (|said| one.push(said), |said| other.push(said));
    let both = futures::future::join(
        first.exec(&host, take(1), &mut hear_one),
        second.exec(&host, take(2), &mut hear_other),
    );
    assert_eq!(first.run(both), Ran::Done((Ok(()), Ok(()))));
    let failed = |said: &[Said]| matches!(said.last(), Some(Said::Ended(_, StepReply::Failed(_))));
    assert_ne!(failed(&one), failed(&other), "{one:?} {other:?}");
}

#[test]
fn the_operator_also_dies_by_a_fault() {
    let shared = world(1);
    shared.borrow_mut().add_fault("die after 1 step".parse().expect("a fault")).expect("no host needed");
    let sim = Sim::new(&shared);
    let host = name("a");
    let mut hear = |_| {};
    let exec = Exec { steps: vec![file("/etc/one", "1"), slow_step()] };
    assert_eq!(sim.run(sim.exec(&host, exec, &mut hear)), Ran::Died);
}

#[derive(Default)]
struct Ears(RefCell<Vec<Event>>);

impl Events for Ears {
    fn tell(&self, event: Event) {
        self.0.borrow_mut().push(event);
    }
}

#[test]
fn every_fault_is_told_at_the_worlds_time() {
    let hand = Hand::new(&world(2));
    hand.pass(100);
    let later = Sim::new(hand.0.world_ref());
    let ears = Rc::new(Ears::default());
    later.tell_faults(ears.clone());
    let hand = Hand(later);
    hand.fault("reboot b at 130s");
    hand.pass(60);
    let told = ears.0.borrow().clone();
    let text = "b reboots".to_owned();
    assert_eq!(told, [Event { at: Duration::from_secs(130), what: What::Fault { text } }]);
}

fn guard() -> ExecStep {
    let paths = vec!["/etc/ssh/sshd_config.d/50-coracle.conf".to_owned()];
    let guard = Guard { id: "g".into(), init: Init::Systemd, window: 60, paths, service: "ssh".into() };
    step(HostOp::ArmGuard(guard))
}

/// An sshd change that shuts root out.
fn shut_out(hand: &Hand) {
    let config = file("/etc/ssh/sshd_config.d/50-coracle.conf", "PermitRootLogin no\n");
    let reload = service_step("ssh", None, Run::Reloaded { stamp: "new".into() });
    assert_eq!(hand.exec("a", vec![guard(), config, reload]).1, Ok(()));
}

fn proof(hand: &Hand) -> Result<(), Cause> {
    let host = name("a");
    hand.0.run(hand.0.prove(&host)).done().expect("the process lives").map_err(|fault| fault.cause)
}

#[test]
fn an_open_connection_outlives_an_sshd_that_lets_nobody_in_and_the_proof_does_not() {
    let hand = Hand::new(&world(1));
    shut_out(&hand);
    assert_eq!(proof(&hand), Err(Cause::Authentication));
    assert_eq!(cause(&hand, "a"), None);
    assert_eq!(cause(&Hand::new(hand.0.world_ref()), "a"), Some(Cause::Authentication));
}

#[test]
fn the_guard_gives_access_back_in_its_window_even_when_nobody_is_there() {
    let hand = Hand::new(&world(1));
    shut_out(&hand);
    hand.0.world_ref().borrow_mut().add_fault("die".parse().expect("a fault")).expect("no host needed");
    assert_eq!(hand.0.run(hand.0.sleep(Duration::from_secs(1))), Ran::Died);
    let hand = Hand::new(hand.0.world_ref());
    hand.pass(58);
    assert_eq!(proof(&hand), Err(Cause::Authentication));
    hand.pass(3);
    assert_eq!(proof(&hand), Ok(()));
    assert_eq!(hand.failure("a", step(HostOp::DisarmGuard { id: "g".into() })).0, FailureKind::GuardFired);
    assert_eq!(hand.violations(), [""; 0]);
}

#[test]
fn a_reboot_inside_the_window_fires_the_guard_before_sshd_starts() {
    let hand = Hand::new(&world(1));
    shut_out(&hand);
    hand.fault("reboot a");
    hand.pass(40);
    assert_eq!(proof(&hand), Ok(()));
    assert_eq!(hand.0.world_ref().borrow().file(&name("a"), "/etc/ssh/sshd_config.d/50-coracle.conf"), None);
}

#[test]
fn a_user_who_is_not_root_is_not_shut_out_by_root_s_rules() {
    let hand = Hand::new(&world_of(1, "ubuntu"));
    shut_out(&hand);
    assert_eq!(proof(&hand), Ok(()));
}

#[test]
fn an_sshd_that_cannot_read_its_configuration_keeps_the_old_one_at_a_reload() {
    let hand = Hand::new(&world(1));
    hand.good("a", file("/etc/ssh/sshd_config.d/50-coracle.conf", "PermitRootLogin\n"));
    let reload = service_step("ssh", None, Run::Reloaded { stamp: "new".into() });
    let (kind, detail) = hand.failure("a", reload);
    assert_eq!(kind, FailureKind::Command);
    assert!(detail.contains("missing argument"), "{detail}");
    assert_eq!(proof(&hand), Ok(()));
}

#[test]
fn settings_and_modules_of_files_come_back_at_boot_and_others_do_not() {
    let hand = Hand::new(&world(1));
    let sysctls = [("vm.swappiness", "10"), ("vm.max_map_count", "1")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
    hand.good("a", step(HostOp::SetSysctls { values: sysctls }));
    hand.good("a", file("/etc/sysctl.d/90-coracle.conf", "# ours\nvm.swappiness = 10\n"));
    hand.good("a", step(HostOp::LoadModules { names: vec!["overlay".into(), "br_netfilter".into()] }));
    hand.good("a", file("/etc/modules-load.d/90-coracle.conf", "br_netfilter\n"));
    hand.fault("reboot a");
    hand.pass(40);
    let survey = Survey {
        sysctls: vec!["vm.swappiness".into(), "vm.max_map_count".into()],
        modules: vec!["overlay".into(), "br_netfilter".into()],
        ..Default::default()
    };
    let stable = hand.survey("a", survey).stable;
    assert_eq!(stable.sysctls.into_values().flatten().collect::<Vec<_>>(), ["65530", "10"]);
    assert_eq!(stable.modules.into_values().collect::<Vec<_>>(), [true, false]);
}

#[test]
fn an_artefact_is_not_to_be_had_without_the_internet() {
    let hand = Hand::new(&world(1));
    hand.fault("offline a");
    hand.pass(1);
    assert_eq!(hand.failure("a", crate::yard::binary(crate::yard::V36)).0, FailureKind::Download);
}

#[test]
fn a_fault_names_hosts_of_its_world_only() {
    let shared = world(2);
    let unknown = shared.borrow_mut().add_fault("kill z".parse().expect("a fault"));
    assert_eq!(unknown, Err("there is no host z here; there are a, b".into()));
}

#[test]
fn somebody_else_may_change_things_and_a_condition_notices() {
    let hand = Hand::new(&world(1));
    let thing = Thing::File { path: "/etc/one".into(), mode: 0o644, bytes: b"theirs".to_vec() };
    hand.0.world_ref().borrow_mut().furnish(&name("a"), thing);
    let was =
        model::condition::Condition::Path { path: "/etc/one".into(), was: model::facts::FileFact::Absent };
    let (kind, detail) = hand.failure("a", ExecStep { was, ..file("/etc/one", "ours") });
    assert_eq!(kind, FailureKind::Conflict);
    assert!(detail.starts_with("/etc/one is a file"), "{detail}");
}
