//! Whatever a plan's file holds, it is a plan that nobody changed, or refused with a reason.

#![no_main]

use engine::Saved;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The digest keeps chance out; what lies behind it is reached by writing the right one.
    if let Ok(saved) = serde_json::from_slice::<Saved>(bytes) {
        let plan = saved.plan.clone();
        let facts = model::facts::Facts::default();
        let _ = (saved.fits(&facts), saved.drifted(&facts));
        let whole = Saved::new(plan, &facts);
        let text = serde_json::to_vec(&whole).expect("plans serialise");
        match Saved::read(&text) {
            Ok(read) => assert_eq!(read, whole),
            Err(why) => assert!(why.contains("version"), "{why}"),
        }
    }
    if let Err(why) = Saved::read(bytes) {
        assert!(!why.is_empty());
    }
});
