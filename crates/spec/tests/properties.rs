//! Promises for any text at all.

use proptest::prelude::*;

const FULL: &str = include_str!("valid/full.yaml");

fn env(name: &str) -> Option<String> {
    name.len().is_multiple_of(2).then(|| "x".repeat(name.len()))
}

/// Parses, renders and serialises; whatever breaks here breaks for a user.
fn survives(text: &str) -> spec::Parsed {
    let parsed = spec::parse(text, &env);
    let _ = spec::render("a.yaml", text, &parsed.diagnostics, true);
    let _ = serde_json::to_string(&parsed.diagnostics).expect("diagnostics are plain data");
    parsed
}

/// Bits of YAML and of cluster files, so that chance comes far enough in.
fn fragment() -> impl Strategy<Value = String> {
    let words = [
        "apiVersion: coracle.dev/v1alpha1\n",
        "kind: Cluster\n",
        "metadata:\n",
        "  name: ",
        "spec:\n",
        "  nodes:\n",
        "    - ",
        "ssh: ",
        "root@10.42.0.1",
        "${A",
        "${AB}",
        "${A:-",
        "}",
        "$$",
        "[",
        "]",
        "{",
        "}",
        ",",
        ": ",
        "- ",
        "\n",
        "\r\n",
        "\t",
        " ",
        "  ",
        "'",
        "\"",
        "|",
        ">-",
        "&a ",
        "*a",
        "!t ",
        "? ",
        "---\n",
        "...\n",
        "#",
        "%",
        "\u{feff}",
        "ä",
        "日本",
        "🛶",
        "0644",
        "10.42.0.0/16",
        "config: ",
        "token: ",
        "etcd-s3-secret-key: ",
        "\u{0}",
        "\u{1b}[31m",
        "  network:\n",
        "    podCidr: ",
        "os:\n",
        "files: ",
        "path: /etc/x",
        "secret: ",
        "true",
        "~",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..40).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn no_text_makes_it_panic(text in "\\PC*") {
        survives(&text);
    }

    #[test]
    fn no_mixture_of_fragments_makes_it_panic(text in fragment()) {
        let parsed = survives(&text);
        prop_assert!(parsed.has_errors() || !parsed.clusters.is_empty());
    }

    #[test]
    fn no_change_to_a_valid_file_makes_it_panic(at in 0..FULL.len(), length in 0..40_usize, insert in fragment()) {
        let (start, end) = (FULL.floor_char_boundary(at), FULL.ceil_char_boundary((at + length).min(FULL.len())));
        let text = format!("{}{insert}{}", &FULL[..start], &FULL[end..]);
        let parsed = survives(&text);
        for diagnostic in &parsed.diagnostics {
            for label in &diagnostic.labels {
                prop_assert!(text.get(label.span.start..label.span.end).is_some());
                prop_assert!(label.line >= 1 && label.column >= 1);
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        match spec::decode(&bytes) {
            Ok(text) => { survives(text); }
            Err(diagnostic) => { let _ = spec::render("a.yaml", &text, &[diagnostic], false); }
        }
    }

    #[test]
    fn no_k3s_file_makes_the_reader_panic(text in fragment()) {
        if let Ok(file) = spec::k3s::read(&text) {
            spec::k3s::merge(&[file.clone(), file]);
        }
    }

    #[test]
    fn the_same_text_gives_the_same_answer(text in fragment()) {
        let (one, other) = (survives(&text), survives(&text));
        prop_assert_eq!(one.diagnostics, other.diagnostics);
        prop_assert_eq!(one.clusters, other.clusters);
    }
}

fn each(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

/// Sizes that would never end if anything grew with the square of them, or with their depth.
#[test]
fn large_and_deep_files_come_to_an_end() {
    let head = "apiVersion: coracle.dev/v1alpha1\nkind: Cluster\nmetadata: {name: a}\nspec:\n";
    let nodes = each(2000, |nth| format!("    - {{name: n{nth}, role: agent, ssh: h{nth}}}\n"));
    let packages = each(2000, |nth| format!("      - {{name: a, nodes: [n{nth}]}}\n"));
    for text in [
        "[".repeat(200_000),
        "- ".repeat(200_000),
        "? ".repeat(200_000),
        "\"".repeat(200_000),
        "--- [\n".repeat(30_000),
        format!("a: \"{}\"", "${A}".repeat(40_000)),
        format!("{{{}}}", each(10_000, |nth| format!("k{nth}: 1, "))),
        format!("{}: 1", "k".repeat(200_000)),
        format!("{head}  nodes:\n{nodes}  os:\n    packages:\n{packages}"),
        format!("{head}  nodes: [{{ssh: a}}]\n  network: {{podCidr: [{}]}}", "10.0.0.0/8,".repeat(10_000)),
    ] {
        assert!(survives(&text).has_errors());
    }
}
