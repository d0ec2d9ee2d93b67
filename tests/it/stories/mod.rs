//! Stories that nobody wrote: clusters, edits, faults and deaths drawn at random. Whatever happened, when the faults are
//! over and somebody applies again, everything converges, and nothing was ever broken on the way.
//!
//! A thousand stories, each with its own number, are told by all processors together. `CORACLE_STORIES=100000` tells
//! more, `CORACLE_STORIES_FROM=5000` others. One that fails is made as short as it gets and printed; kept in a file it is
//! played again by `CORACLE_STORY=$PWD/FILE`, and one that was mended is kept in `regressions`.

mod draft;
mod draw;
mod play;
mod regressions;
mod tale;

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, Once,
        atomic::{AtomicU64, Ordering},
    },
};

use proptest::{
    strategy::{Strategy as _, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use play::play;
use tale::Story;

/// How often a story is told anew to make it shorter.
const SHORTENINGS: u32 = 600;

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Plays a story; what it broke, if anything. Many tries of one failing story would fill the screen.
fn broken_by(story: &Story) -> Option<String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
    QUIET.set(true);
    let played = catch_unwind(AssertUnwindSafe(|| play(story)));
    QUIET.set(false);
    let payload = played.err()?;
    let text = payload.downcast_ref::<String>().cloned();
    Some(text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default())
}

fn drawn(seed: u64) -> impl ValueTree<Value = Story> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    draw::stories().new_tree(&mut runner).expect("nothing is filtered")
}

/// Tells one story; when it breaks something, the shortest one like it and what that breaks.
fn told(seed: u64) -> Option<(Story, String)> {
    let mut tree = drawn(seed);
    let mut worst = (tree.current(), broken_by(&tree.current())?);
    let mut broke = true;
    for _ in 0..SHORTENINGS {
        if !(if broke { tree.simplify() } else { tree.complicate() }) {
            break;
        }
        let story = tree.current();
        let why = broken_by(&story);
        broke = why.is_some();
        worst = why.map_or(worst, |why| (story, why));
    }
    Some(worst)
}

#[test]
fn whatever_happens_running_again_converges() {
    let (from, count) = (number("CORACLE_STORIES_FROM", 1), number("CORACLE_STORIES", 1000));
    let next = AtomicU64::new(from);
    let failures = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    // A handful says enough of what is wrong.
                    if seed >= from + count || failures.lock().unwrap().len() >= 8 {
                        break;
                    }
                    if let Some((story, why)) = told(seed) {
                        let text = format!("--- story {seed}, shortened\n{story}\n{why}\n");
                        eprintln!("{text}");
                        failures.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(
        failures.is_empty(),
        "{}\nplay one again: write it into a file, then CORACLE_STORY=$PWD/FILE cargo test -p tests --test it a_story_that_was_named -- --nocapture",
        failures.join("\n")
    );
}

/// `CORACLE_STORY` names a file that holds a story, or is the number of one.
#[test]
fn a_story_that_was_named_is_played() {
    let Ok(named) = std::env::var("CORACLE_STORY") else { return };
    let story = match named.parse() {
        Ok(seed) => drawn(seed).current(),
        Err(_) => std::fs::read_to_string(&named).unwrap().parse().unwrap(),
    };
    println!("{story}");
    play(&story);
}

#[test]
fn a_story_reads_back_as_it_was_written() {
    for seed in 1..200 {
        let story = drawn(seed).current();
        assert_eq!(story.to_string().parse(), Ok(story));
    }
}
