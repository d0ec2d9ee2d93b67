//! Who runs this: the name that other operators read on a lock.

use std::{fs, path::Path};

use model::op::Holder;

use super::clock;
use crate::place::Place;

/// The holder that this process is.
pub(crate) fn holder(place: &Place) -> Holder {
    let user = ["USER", "LOGNAME"].iter().find_map(|name| place.var(name));
    let user = user.map_or_else(|| format!("uid {}", rustix::process::getuid().as_raw()), ToOwned::to_owned);
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Holder { user, machine, pid: std::process::id(), started: clock::epoch() }
}

/// Runs of this user on this machine that left a journal and whose process is gone: their locks may be taken over.
///
/// Only the names of journals are read. A missed one costs waiting for its lease, nothing else.
pub(crate) fn dead(journals: &Path, own: &Holder) -> Vec<Holder> {
    let Ok(entries) = fs::read_dir(journals) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut dead: Vec<_> = names
        .filter_map(|name| parse(&name))
        .filter(|(started, pid)| (*started, *pid) != (own.started, own.pid) && !alive(*pid))
        .map(|(started, pid)| Holder { started, pid, ..own.clone() })
        .collect();
    dead.sort_by_key(|holder| std::cmp::Reverse(holder.started));
    dead.truncate(20);
    dead
}

/// The name of a run's journal.
pub(crate) fn journal_name(holder: &Holder) -> String {
    format!("{}-{}.jsonl", holder.started, holder.pid)
}

fn parse(name: &str) -> Option<(u64, u32)> {
    let (started, pid) = name.strip_suffix(".jsonl")?.split_once('-')?;
    Some((started.parse().ok()?, pid.parse().ok()?))
}

/// Whether there is such a process; when that cannot be known, there is.
fn alive(pid: u32) -> bool {
    let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) else { return false };
    rustix::process::test_kill_process(pid) != Err(rustix::io::Errno::SRCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_runs_whose_process_is_gone_are_dead() {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let own = Holder { user: "a".into(), machine: "b".into(), pid: std::process::id(), started: 9 };
        // No process ever has the largest number; process 1 is always there.
        for name in [&journal_name(&own), "5-4194999.jsonl", "6-1.jsonl", "notes.txt", "x-y.jsonl"] {
            fs::write(dir.path().join(name), "").expect("writes");
        }
        let dead = dead(dir.path(), &own);
        assert_eq!(dead.iter().map(|holder| holder.started).collect::<Vec<_>>(), [5]);
        assert!(super::dead(Path::new("/nowhere"), &own).is_empty());
    }
}
