//! Whatever k3s's configuration files hold: keys and values, or the line where it goes wrong. A NUL parts files.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut files = Vec::new();
    for file in text.split('\0') {
        match spec::k3s::read(file) {
            Ok(keys) => files.push(keys),
            Err(wrong) => assert!(wrong.line <= file.lines().count() + 1 && !wrong.why.is_empty(), "{wrong}"),
        }
    }
    let merged = spec::k3s::merge(&files);
    for setting in merged.values() {
        assert!(setting.files.iter().all(|index| *index < files.len()));
    }
});
