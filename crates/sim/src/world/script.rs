//! Scripts: execs at work on their machines, whether anybody listens or not.
//!
//! Owns: the exec lock, the pace of steps, and what a listener hears. Must not: know what operations do.

use std::{cell::RefCell, collections::VecDeque, rc::Rc, task::Waker, time::Duration};

use model::{
    NodeName,
    fault::{Cause, HostFault},
    op::HostOp,
    port::Exec,
    reply::{Said, StepReply},
};

use super::{Task, World};
use crate::host::{self, Doing, PowerState};

/// How long an exec waits for the exec lock before it gives up.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long ssh believes in a connection over which nothing comes back.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Where an operator hears what a script says.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    pub said: VecDeque<Said>,
    pub end: Option<Result<(), HostFault>>,
    pub waker: Option<Waker>,
}

impl Inbox {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// An exec on its machine.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub host: NodeName,
    pub operator: u32,
    exec: Exec,
    next: usize,
    state: State,
    /// Said while the operator's link was down.
    held: Vec<Said>,
    inbox: Option<Rc<RefCell<Inbox>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Waits for the exec lock since then.
    Waiting(Duration),
    /// Between steps.
    Ready,
    /// In a step.
    Working,
    /// Gone with its machine; its listener has not noticed yet.
    Lost,
}

impl World {
    /// Hands an exec to a machine to which the operator holds a connection.
    pub(crate) fn submit(&mut self, host: &NodeName, operator: u32, exec: Exec) -> Rc<RefCell<Inbox>> {
        let inbox = Rc::new(RefCell::new(Inbox::default()));
        let mutates = exec.steps.iter().any(|step| !step.op.only_reads());
        let number = self.next_number();
        let script = Script {
            host: host.clone(),
            operator,
            exec,
            next: 0,
            state: State::Waiting(self.now),
            held: Vec::new(),
            inbox: Some(inbox.clone()),
        };
        self.scripts.insert(number, script);
        if mutates && let Some(machine) = self.machines.get_mut(host) {
            machine.scripts.push(number);
        }
        self.schedule(Duration::from_millis(25), Task::Script(number));
        inbox
    }

    pub(super) fn script_goes_on(&mut self, number: u64) {
        let Some(script) = self.scripts.get(&number) else { return };
        let host = script.host.clone();
        if self.machines[&host].power.state == PowerState::Hung {
            return self.schedule(Duration::from_secs(1), Task::Script(number));
        }
        match script.state {
            State::Waiting(since) => self.try_lock(number, &host, since),
            State::Ready => self.begin_step(number, &host),
            State::Working => self.end_step(number, &host),
            State::Lost => {}
        }
    }

    /// Only one exec that changes things works on a machine at a time, and nobody looks meanwhile.
    fn try_lock(&mut self, number: u64, host: &NodeName, since: Duration) {
        let script = self.scripts.get_mut(&number).expect("it was looked up");
        let first = self.machines[host].scripts.first().copied();
        if first.is_none_or(|first| first == number) {
            script.state = State::Ready;
            return self.begin_step(number, host);
        }
        if self.now.saturating_sub(since) < PATIENCE {
            return self.schedule(Duration::from_secs(1), Task::Script(number));
        }
        let step = first.and_then(|first| self.scripts.get(&first)).and_then(Script::step_name);
        let text = step.unwrap_or_else(|| "its first step".to_owned());
        self.end_script(number, Err(HostFault::new(Cause::Busy, text)));
    }

    fn begin_step(&mut self, number: u64, host: &NodeName) {
        let script = self.scripts.get_mut(&number).expect("it was looked up");
        let Some(step) = script.exec.steps.get(script.next) else {
            return self.end_script(number, Ok(()));
        };
        script.state = State::Working;
        let (id, cost) = (step.id.clone(), host::cost(&step.op, &self.machines[host]));
        self.say(number, Said::Began(id));
        let span = self.span(host, cost);
        self.schedule(span, Task::Script(number));
    }

    fn end_step(&mut self, number: u64, host: &NodeName) {
        let draw = self.next_number();
        let script = self.scripts.get_mut(&number).expect("it was looked up");
        let step = script.exec.steps[script.next].clone();
        let guard = script.guard().map(str::to_owned);
        script.next += 1;
        script.state = State::Ready;
        let doing = Doing {
            now: self.now,
            epoch: self.epoch + self.now.as_secs(),
            step: &step,
            shelf: &self.shelf,
            draw: draw ^ self.seed,
            noted: false,
            effects: Vec::new(),
        };
        let machine = self.machines.get_mut(host).expect("scripts run on machines");
        let applied = machine.apply_guarded(guard.as_deref(), doing);
        self.ended += 1;
        self.take_effects(host, &step, applied.effects);
        let failed = matches!(applied.reply, StepReply::Failed(_));
        self.say(number, Said::Ended(step.id.clone(), applied.reply));
        self.strike_at_step(&step.id);
        if failed {
            self.end_script(number, Ok(()));
        } else if self.scripts.contains_key(&number) {
            self.script_goes_on(number);
        }
    }

    /// Says something to whoever listens. Over a cut link it waits.
    fn say(&mut self, number: u64, said: Said) {
        let Some(script) = self.scripts.get_mut(&number) else { return };
        if script.inbox.is_none() {
            return;
        }
        if !self.machines[&script.host].link.operator {
            script.held.push(said);
            return;
        }
        if let Some(left) = &mut self.dies_after
            && !self.dead_operators.contains(&script.operator)
        {
            if *left == 0 {
                self.dies_after = None;
                let operator = script.operator;
                return self.operator_dies(operator);
            }
            *left -= 1;
        }
        if let Some(inbox) = &script.inbox {
            let mut inbox = inbox.borrow_mut();
            inbox.said.push_back(said);
            inbox.wake();
        }
    }

    fn end_script(&mut self, number: u64, end: Result<(), HostFault>) {
        let Some(script) = self.scripts.remove(&number) else { return };
        if let Some(machine) = self.machines.get_mut(&script.host) {
            machine.scripts.retain(|other| *other != number);
        }
        if let Some(inbox) = script.inbox {
            let mut inbox = inbox.borrow_mut();
            inbox.said.extend(script.held);
            inbox.end.get_or_insert(end);
            inbox.wake();
        }
    }

    /// A process dies: its scripts go on without a listener, or end where they are.
    pub(crate) fn operator_dies(&mut self, operator: u32) {
        self.dead_operators.insert(operator);
        for number in self.scripts_of(|script| script.operator == operator) {
            self.unhear(number);
        }
        for machine in self.machines.values_mut() {
            machine.ssh.sessions.remove(&operator);
        }
    }

    /// Nobody listens to a script any more.
    fn unhear(&mut self, number: u64) {
        let Some(script) = self.scripts.get_mut(&number) else { return };
        script.inbox = None;
        if self.scripts_are_cut {
            self.end_script(number, Ok(()));
        }
    }

    /// The operator's connections to a machine break.
    pub(crate) fn drop_connections(&mut self, host: &NodeName, why: &str) {
        if let Some(machine) = self.machines.get_mut(host) {
            machine.ssh.sessions.clear();
        }
        for number in self.scripts_of(|script| script.host == *host) {
            let Some(inbox) = self.scripts.get_mut(&number).and_then(|script| script.inbox.take()) else {
                continue;
            };
            let mut inbox = inbox.borrow_mut();
            inbox.end.get_or_insert(Err(HostFault::new(Cause::Lost, why)));
            inbox.wake();
            drop(inbox);
            self.unhear(number);
        }
    }

    /// A machine's scripts end with the machine; who listens notices later.
    pub(crate) fn lose_scripts(&mut self, host: &NodeName) {
        for number in self.scripts_of(|script| script.host == *host) {
            match self.scripts.get_mut(&number).filter(|script| script.inbox.is_some()) {
                Some(script) => {
                    script.state = State::Lost;
                    script.held.clear();
                }
                None => {
                    self.scripts.remove(&number);
                }
            }
        }
    }

    fn scripts_of(&self, is: impl Fn(&Script) -> bool) -> Vec<u64> {
        self.scripts.iter().filter(|(_, script)| is(script)).map(|(number, _)| *number).collect()
    }

    /// Connections to a machine that stopped answering are given up after a while.
    pub(crate) fn doubt(&mut self, host: &NodeName) {
        self.schedule(KEEPALIVE, Task::GiveUp { host: host.clone() });
    }

    pub(super) fn give_up(&mut self, host: &NodeName) {
        const WHY: &str = "nothing came back for 15 s";
        let machine = &self.machines[host];
        if !machine.is_on() || !machine.link.operator {
            self.drop_connections(host, WHY);
        }
        for number in self.scripts_of(|script| script.host == *host && script.state == State::Lost) {
            self.end_script(number, Err(HostFault::new(Cause::Lost, WHY)));
        }
    }

    /// What waited for a cut link arrives.
    pub(crate) fn deliver_held(&mut self, host: &NodeName) {
        for number in self.scripts_of(|script| script.host == *host) {
            let Some(script) = self.scripts.get_mut(&number) else { continue };
            for said in std::mem::take(&mut script.held) {
                self.say(number, said);
            }
        }
    }
}

impl Script {
    /// The step it works at, for people.
    fn step_name(&self) -> Option<String> {
        let at = if self.state == State::Working { self.next } else { self.next.saturating_sub(1) };
        self.exec.steps.get(at).map(|step| step.id.to_string())
    }

    /// The revert that it has armed, and not disarmed since.
    fn guard(&self) -> Option<&str> {
        self.exec.steps[..self.next].iter().fold(None, |armed, step| match &step.op {
            HostOp::ArmGuard(guard) => Some(guard.id.as_str()),
            HostOp::DisarmGuard { .. } => None,
            _ => armed,
        })
    }
}
