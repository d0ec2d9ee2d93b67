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

/// Raises the limit of open files to what is allowed and says how many connections fit beside `open_files`.
pub fn room_for_connections(open_files: u64) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let most = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    // Listeners, runtimes, trees and files on their way.
    usize::try_from(most.saturating_sub(open_files).saturating_sub(256)).unwrap_or(usize::MAX).max(64)
}
