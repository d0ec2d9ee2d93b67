//! Whatever stands in lists of host keys and in the ssh client's log: a reason that people can read, and a key that was
//! added is found again.

#![no_main]

#[allow(dead_code, unreachable_pub)]
#[path = "../../crates/ssh/src/known.rs"]
mod known;
#[allow(dead_code, unreachable_pub)]
#[path = "../../crates/ssh/src/words.rs"]
mod words;

use libfuzzer_sys::fuzz_target;
use model::HostKey;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let (log, beside) = text.split_once('\0').unwrap_or((&text, ""));
    let fault = words::judge(log, beside);
    assert!(!fault.detail.contains('\n') && !fault.to_string().is_empty());
    let _ = (words::is_dropped(&fault), words::is_behind_another(log), words::last_words(log));
    let _ = known::shown(log);
    if let Some((lookup, key)) = known::last(&text) {
        let again = known::line(&lookup, &key);
        assert_eq!(known::last(&again), Some((lookup, key)));
    }
    let key = HostKey { algorithm: "ssh-ed25519".into(), base64: "AAAAC3Nz".into() };
    let line = known::line("harbor-1", &key);
    let after = [bytes, known::appended(bytes, &line).as_bytes()].concat();
    assert!(known::has(&after, &line) && after.starts_with(bytes));
});
