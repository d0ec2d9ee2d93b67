//! Judging one subject by one case.

use std::collections::BTreeMap;

use model::{
    digest::Sha256,
    facts::{Content, FileFact, HostFacts},
    fault::HostFault,
    op::{HostOp, Look, Survey},
    plan::StepId,
    port::{Exec, ExecStep},
    reply::{Said, StepReply},
};

use super::{Case, Expect, Given, Step, Then, World};

/// Something that claims to be a host.
pub trait Subject {
    /// Makes it so; [`Given::Done`] is never asked.
    fn given(&mut self, given: &Given);

    /// Works through an exec.
    fn exec(&mut self, exec: Exec) -> (Vec<Said>, Result<(), HostFault>);
}

/// Looks again so often before a service counts as not started: starting is not waited for.
const LOOKS: usize = 100;

/// Runs a case; says what is not as it should be.
pub fn judge(case: &Case, world: &World, subject: &mut dyn Subject) -> Result<(), String> {
    for given in &case.before {
        match given {
            Given::Done(step) => {
                if let StepReply::Failed(failure) = ask(subject, step.send())? {
                    return Err(format!("before it: {failure:?}"));
                }
            }
            other => subject.given(other),
        }
    }
    let reply = ask(subject, case.step.send())?;
    fits(&reply, case.expect)?;
    let (reply, facts) = ask_and_look(case, subject)?;
    fits(&reply, case.again).map_err(|why| format!("again: {why}"))?;
    let mut seen = holds_all(case, world, facts.as_ref());
    for _ in 0..LOOKS {
        if seen.is_ok() {
            break;
        }
        seen = holds_all(case, world, look(case, subject)?.as_ref());
    }
    seen
}

fn fits(reply: &StepReply, expect: Expect) -> Result<(), String> {
    let fits = match (reply, expect) {
        (StepReply::Unchanged, Expect::Unchanged)
        | (StepReply::Changed, Expect::Changed)
        | (StepReply::Observed(..), Expect::Observed) => true,
        (StepReply::Secret { changed: false, secret }, Expect::Secret(bytes)) => secret.expose() == bytes,
        (StepReply::Received(size), Expect::Received(wanted)) => *size == wanted,
        (StepReply::Failed(failure), Expect::Failed(kind)) => {
            failure.kind == kind && !failure.detail.is_empty()
        }
        _ => false,
    };
    if fits { Ok(()) } else { Err(format!("expected {expect:?}, got {reply:?}")) }
}

/// The reply to one step.
fn ask(subject: &mut dyn Subject, step: ExecStep) -> Result<StepReply, String> {
    all(subject, vec![step])?.pop().ok_or_else(|| "no reply".to_owned())
}

/// The replies to some steps: each must begin and end before the next, and after a failure there are none.
fn all(subject: &mut dyn Subject, steps: Vec<ExecStep>) -> Result<Vec<StepReply>, String> {
    let ids: Vec<_> = steps.iter().map(|step| step.id.clone()).collect();
    let (said, verdict) = subject.exec(Exec { steps });
    verdict.map_err(|fault| format!("{}: {fault}", ids[0]))?;
    let mut said = said.into_iter();
    let mut replies = Vec::new();
    for id in ids {
        match (said.next(), said.next()) {
            (Some(Said::Began(began)), Some(Said::Ended(ended, reply))) if began == id && ended == id => {
                let failed = matches!(reply, StepReply::Failed(_));
                replies.push(reply);
                if failed {
                    break;
                }
            }
            other => return Err(format!("{id}: said {other:?}")),
        }
    }
    match said.next() {
        None => Ok(replies),
        Some(more) => Err(format!("said more: {more:?}")),
    }
}

/// Asks the step again, and looks in the same exec where it does not fail.
fn ask_and_look(case: &Case, subject: &mut dyn Subject) -> Result<(StepReply, Option<HostFacts>), String> {
    if matches!(case.again, Expect::Failed(_)) {
        return Ok((ask(subject, case.step.send())?, look(case, subject)?));
    }
    let mut replies = all(subject, vec![case.step.send(), observe(case)])?.into_iter();
    match (replies.next(), replies.next()) {
        (Some(reply), Some(StepReply::Observed(facts, _))) => Ok((reply, Some(facts))),
        (Some(reply), None) => Ok((reply, None)),
        other => Err(format!("again and observing gave {other:?}")),
    }
}

fn look(case: &Case, subject: &mut dyn Subject) -> Result<Option<HostFacts>, String> {
    match ask(subject, observe(case))? {
        StepReply::Observed(facts, _) => Ok(Some(facts)),
        other => Err(format!("observing gave {other:?}")),
    }
}

fn observe(case: &Case) -> ExecStep {
    let step = Step::new(HostOp::Observe(survey(&case.after))).send();
    ExecStep { id: StepId::parse("harbor-1: look"), ..step }
}

fn holds_all(case: &Case, world: &World, facts: Option<&HostFacts>) -> Result<(), String> {
    let facts = facts.ok_or("nothing was observed")?;
    case.after.iter().try_for_each(|then| holds(then, facts, world))
}

fn survey(after: &[Then]) -> Survey {
    let mut survey = Survey { paths: BTreeMap::new(), ..Survey::default() };
    for then in after {
        match then {
            Then::File(path, ..) | Then::Absent(path) | Then::Dir(path, _) | Then::Link(path, _) => {
                survey.paths.insert((*path).to_owned(), Look::Digest);
            }
            Then::Text(path, wanted, _) => {
                let wanted = Some(Sha256::of(wanted.as_bytes()));
                survey.paths.insert((*path).to_owned(), Look::Text(wanted));
            }
            Then::Service(name, ..) => survey.services.push((*name).to_owned()),
            Then::Sysctl(key, _) => survey.sysctls.push((*key).to_owned()),
            Then::Module(name) => survey.modules.push((*name).to_owned()),
            Then::Installed(name) => survey.packages.push((*name).to_owned()),
            Then::Facts(_) => {}
        }
    }
    survey
}

fn holds(then: &Then, facts: &HostFacts, world: &World) -> Result<(), String> {
    let stable = &facts.stable;
    let (what, holds) = match then {
        Then::File(path, mode, text) => {
            let content = Content::Digest(Sha256::of(text.as_bytes()));
            let wanted = FileFact::File { meta: world.meta(*mode), content };
            (format!("{path}: {:?}", stable.files.get(*path)), stable.files.get(*path) == Some(&wanted))
        }
        Then::Absent(path) => {
            let found = stable.files.get(*path);
            (format!("{path}: {found:?}"), found == Some(&FileFact::Absent))
        }
        Then::Dir(path, mode) => {
            let found = stable.files.get(*path);
            (format!("{path}: {found:?}"), found == Some(&FileFact::Dir { meta: world.meta(*mode) }))
        }
        Then::Link(path, target) => {
            let found = stable.files.get(*path);
            (format!("{path}: {found:?}"), found == Some(&FileFact::Link { target: (*target).to_owned() }))
        }
        Then::Service(name, enabled, active, stamp) => {
            let found = stable.services.get(*name);
            let fits = found.is_some_and(|fact| {
                fact.enabled == *enabled && fact.active == *active && fact.stamp.as_deref() == *stamp
            });
            (format!("service {name}: {found:?}"), fits)
        }
        Then::Text(path, _, text) => {
            let found = facts.texts.get(*path).map(String::as_str);
            (format!("{path}: {found:?}"), found == *text)
        }
        Then::Sysctl(key, value) => {
            let found = stable.sysctls.get(*key);
            (format!("{key}: {found:?}"), found == Some(&Some((*value).to_owned())))
        }
        Then::Module(name) => (format!("module {name}"), stable.modules.get(*name) == Some(&true)),
        Then::Installed(name) => (format!("package {name}"), stable.installed.get(*name) == Some(&true)),
        Then::Facts(check) => return check(facts),
    };
    if holds { Ok(()) } else { Err(format!("expected {then:?}, found {what}")) }
}
