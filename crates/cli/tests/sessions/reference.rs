//! What is made from the code: schema, completions, manual pages.

use crate::desk::Desk;

#[test]
fn the_pages_of_the_reference_tell_of_every_verb_and_every_exit_code() {
    let desk = Desk::new();
    assert_eq!(desk.run(&["reference", "pages"]).code, 0);
    let commands = desk.read("pages/commands.md");
    for verb in
        ["init", "check", "lock", "rehearse", "plan", "apply", "status", "kubeconfig", "render", "destroy"]
    {
        assert!(commands.contains(&format!("\n## coracle {verb}\n")), "{verb}");
    }
    let codes = desk.read("pages/exit-codes.md");
    for code in [0, 2, 64, 65, 66, 69, 70, 73, 74, 75, 77, 130] {
        assert!(codes.contains(&format!("\n| {code} |")), "{code}");
    }
    assert!(desk.read("pages/diagnostics.md").contains("`cidr-overlap`"));
}

#[test]
fn the_schema_is_json_schema_with_the_clusters_keys() {
    let done = Desk::new().run(&["schema"]);
    let schema: serde_json::Value = serde_json::from_str(&done.out).expect("JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(schema["properties"]["spec"].is_object());
}

#[test]
fn every_shell_gets_completions_for_every_verb() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let done = Desk::new().run(&["completions", shell]);
        assert!(
            done.code == 0 && done.out.contains("rehearse") && done.out.contains("kubeconfig"),
            "{shell}"
        );
    }
}

#[test]
fn there_is_a_manual_page_for_the_program_and_for_every_verb() {
    let desk = Desk::new();
    assert!(desk.run(&["man"]).out.contains(".TH coracle 1"));
    assert_eq!(desk.run(&["man", "pages"]).code, 0);
    let apply = desk.read("pages/coracle-apply.1");
    assert!(apply.contains("Make the hosts what the cluster file says"), "{apply}");
    assert!(desk.path("pages/coracle.1").is_file());
}
