//! Files that somebody hands in may hold anything: locks, saved plans, facts to rehearse from.

use engine::Saved;
use model::{facts::Facts, lock::Lock};
use proptest::{collection::vec, prelude::*};

use crate::stage::{Stage, file};

/// Whether a JSON text still is what it was after some of its bytes were replaced, and what came of it.
fn mangled(text: &str, at: usize, length: usize, insert: &[u8]) -> Vec<u8> {
    let at = at % text.len();
    let end = (at + length).min(text.len());
    [&text.as_bytes()[..at], insert, &text.as_bytes()[end..]].concat()
}

fn scraps() -> impl Strategy<Value = Vec<u8>> {
    let words = [
        "0",
        "-1",
        "1e999",
        "18446744073709551616",
        "null",
        "\"\"",
        "[]",
        "{}",
        ",",
        ":",
        "\"",
        "\\u0000",
        "\u{0}",
        "true",
    ];
    prop_oneof![
        prop::sample::select(words.map(str::as_bytes).map(<[u8]>::to_vec).to_vec()),
        vec(any::<u8>(), 0..12),
    ]
}

thread_local! {
    /// A plan, its facts and its lock, as they are saved.
    static KEPT: [String; 3] = {
        let stage = Stage::new(&file(2, 1, "os: {motd: hello}"));
        let (_, _, facts) = stage.plan();
        [
            String::from_utf8(stage.save()).unwrap(),
            serde_json::to_string(&facts).unwrap(),
            serde_json::to_string(&stage.lock).unwrap(),
        ]
    };
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in vec(any::<u8>(), 0..300)) {
        let _ = (Lock::read(&bytes), Saved::read(&bytes), serde_json::from_slice::<Facts>(&bytes));
    }

    #[test]
    fn a_plan_that_was_changed_is_never_read(at in any::<usize>(), length in 0..20_usize, insert in scraps()) {
        let whole = KEPT.with(|kept| kept[0].clone());
        if let Ok(read) = Saved::read(&mangled(&whole, at, length, &insert)) {
            prop_assert_eq!(read, Saved::read(whole.as_bytes()).unwrap(), "only what means nothing may change");
        }
    }

    #[test]
    fn a_lock_that_was_changed_is_read_or_refused(at in any::<usize>(), length in 0..20_usize, insert in scraps()) {
        let whole = KEPT.with(|kept| kept[2].clone());
        if let Err(why) = Lock::read(&mangled(&whole, at, length, &insert)) {
            prop_assert!(!why.is_empty());
        }
    }

    #[test]
    fn facts_that_were_changed_make_a_world_or_are_refused(at in any::<usize>(), length in 0..20_usize, insert in scraps()) {
        let whole = KEPT.with(|kept| kept[1].clone());
        if let Ok(facts) = serde_json::from_slice::<Facts>(&mangled(&whole, at, length, &insert)) {
            let stage = Stage::from_facts(&file(2, 1, "os: {motd: hello}"), &facts);
            let _ = stage.plan();
        }
    }
}
