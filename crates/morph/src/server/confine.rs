//! Giving up what a file server does not need.
//!
//! Owns: privileges and limits of the process. Must not: run after threads were started; capabilities belong to threads.

use rustix::{
    io::Errno,
    process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit},
    thread::{
        CapabilitySet, CapabilitySets, clear_ambient_capability_set, set_capabilities, set_no_new_privs,
    },
};

/// Gives up every capability, the gaining of others, and being looked into; call it when the sockets are bound.
pub fn give_up_privileges() -> Result<(), Errno> {
    set_no_new_privs(true)?;
    match clear_ambient_capability_set() {
        // Sandboxes without them.
        Err(Errno::INVAL) | Ok(()) => {}
        Err(errno) => return Err(errno),
    }
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
}

/// Raises the limit of open files to what is allowed, and says it.
pub fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// How `limit` open files are shared out: what may be kept open of the `wanted`, and how many connections there may be.
pub fn share_out(limit: u64, wanted: u64) -> (u64, usize) {
    let kept = wanted.min(limit / 4);
    // Listeners, runtimes, trees and files on their way.
    let others = (limit / 4).min(256);
    (kept, usize::try_from(limit - kept - others).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_few_files_may_be_open_most_of_them_are_connections() {
        assert_eq!(share_out(1 << 20, 512), (512, (1 << 20) - 768));
        assert_eq!(share_out(1024, 512), (256, 512));
        assert_eq!(share_out(64, 512), (16, 32));
    }
}
