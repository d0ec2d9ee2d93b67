//! Whatever `coracle.lock` holds, reading it ends with a lock that reads back, or with a reason.

#![no_main]

use libfuzzer_sys::fuzz_target;
use model::lock::Lock;

fuzz_target!(|bytes: &[u8]| match Lock::read(bytes) {
    Ok(lock) => {
        let again = serde_json::to_vec(&lock).expect("locks serialise");
        assert_eq!(Lock::read(&again).expect("what was written can be read"), lock);
        let names = lock.k3s.values().flat_map(|arches| arches.values()).map(|artifact| &artifact.name);
        assert!(names.into_iter().all(|name| !name.contains('/') && name != ".."));
    }
    Err(why) => assert!(!why.is_empty()),
});
