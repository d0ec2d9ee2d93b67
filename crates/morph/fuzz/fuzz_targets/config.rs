//! Whatever the configuration file holds, reading it ends with a configuration or with findings, and never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match morph::config::parse(text) {
        Ok(config) => assert!(!config.sites.is_empty()),
        Err(findings) => {
            assert!(!findings.is_empty());
            for finding in findings {
                assert!(!finding.what.is_empty() && !finding.cure.is_empty());
            }
        }
    }
});
