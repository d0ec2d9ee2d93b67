//! Whatever a cluster file holds, reading it ends with clusters or with errors, each at a place that is in the file.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let env = |name: &str| name.len().is_multiple_of(2).then(|| "x".repeat(name.len()));
    let parsed = match spec::decode(bytes) {
        Ok(text) => spec::parse(text, &env),
        Err(wrong) => spec::Parsed { clusters: Vec::new(), diagnostics: vec![wrong] },
    };
    assert!(parsed.has_errors() || !parsed.clusters.is_empty());
    for label in parsed.diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels) {
        assert!(text.get(label.span.start..label.span.end).is_some(), "{label:?}");
    }
    let _ = spec::render("coracle.yaml", &text, &parsed.diagnostics, true);
});
