//! Merging, shown on kubeconfigs as tools and people write them.

use super::*;

const ADMIN: &str = "\
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: LS0tQ0E=
    server: https://127.0.0.1:6443
  name: default
contexts:
- context:
    cluster: default
    user: default
  name: default
current-context: default
kind: Config
users:
- name: default
  user:
    client-certificate-data: LS0tQ0VSVA==
    client-key-data: LS0tS0VZ
";

fn new() -> Credentials {
    let read = Credentials::read(ADMIN).expect("as k3s writes it");
    Credentials { server: "https://api.example.org:6443".into(), ..read }
}

fn with(text: &str) -> Result<String, Refusal> {
    merge(text, "harbor", &new(), Liberty::default())
}

#[test]
fn a_text_in_which_our_context_could_not_be_made_the_current_one_is_refused() {
    let switch = Liberty { force: false, switch: true };
    let odd = "? \r\n\n\n  ";
    assert!(matches!(merge(odd, "harbor", &new(), switch), Err(Refusal::Unreadable(_))));
}

#[test]
fn nothing_is_lost_of_what_people_wrote_around_it() {
    let before = "\
# my clusters
apiVersion: v1
kind: Config
clusters:
# at work
- name: office   # do not touch
  cluster: {server: \"https://office:6443\", tls-server-name: x}
contexts:
  - context:
      cluster: office
      user: me
      namespace: mine
    name: office
current-context: office
users:
- name: me
  user:
    exec: {command: get-token, apiVersion: client.authentication.k8s.io/v1}
extensions: []
";
    insta::assert_snapshot!(with(before).expect("merges"), @r#"
    # my clusters
    apiVersion: v1
    kind: Config
    clusters:
    # at work
    - name: office   # do not touch
      cluster: {server: "https://office:6443", tls-server-name: x}
    - cluster:
        certificate-authority-data: LS0tQ0E=
        server: https://api.example.org:6443
      name: harbor
    contexts:
      - context:
          cluster: office
          user: me
          namespace: mine
        name: office
      - context:
          cluster: harbor
          user: harbor
        name: harbor
    current-context: office
    users:
    - name: me
      user:
        exec: {command: get-token, apiVersion: client.authentication.k8s.io/v1}
    - name: harbor
      user:
        client-certificate-data: LS0tQ0VSVA==
        client-key-data: LS0tS0VZ
    extensions: []
    "#);
}

#[test]
fn merging_twice_is_merging_once_in_every_style_of_file() {
    let json = r#"{"kind": "Config", "apiVersion": "v1", "clusters": null, "users": [], "contexts": [{"name": "a", "context": {}}]}"#;
    let bare = "apiVersion: v1\nkind: Config\nclusters: null\ncontexts: []\nusers:\ncurrent-context: \"\"\n";
    let no_newline = "kind: Config\nclusters:\n- {name: a, cluster: {server: b}}";
    for before in
        [json, bare, no_newline, "", "# only a comment\n", "# a comment\r > ", "kind: Config\n", "{}", ADMIN]
    {
        let once = with(before).unwrap_or_else(|refusal| panic!("{before}: {refusal:?}"));
        assert!(mentions(&once, "harbor"), "{once}");
        assert_eq!(with(&once).as_ref(), Ok(&once), "{before}");
    }
}

#[test]
fn the_same_name_and_ca_get_new_credentials_and_keep_everything_else() {
    let before = with("")
        .expect("merges")
        .replace("LS0tS0VZ", "b2xk")
        .replace("    cluster: harbor\n", "    cluster: harbor\n    namespace: mine # stays\n");
    let after = with(&before).expect("merges");
    assert_eq!(after, before.replace("b2xk", "LS0tS0VZ"));
}

#[test]
fn another_ca_under_the_same_name_is_refused_until_forced() {
    let before = ADMIN.replace("default", "harbor").replace("LS0tQ0E=", "b3RoZXI=");
    assert_eq!(with(&before), Err(Refusal::Taken("cluster")));
    let forced = merge(&before, "harbor", &new(), Liberty { force: true, switch: false }).expect("forced");
    assert!(forced.contains("LS0tQ0E=") && !forced.contains("b3RoZXI="), "{forced}");
}

#[test]
fn the_context_is_switched_only_when_asked() {
    assert!(!with("").expect("merges").contains("current-context"));
    assert!(with(ADMIN).expect("merges").contains("current-context: default\n"));
    let asked = Liberty { force: false, switch: true };
    let after = merge(ADMIN, "harbor", &new(), asked).expect("merges");
    assert!(after.contains("current-context: harbor\n"), "{after}");
    let fresh = merge("kind: Config\n", "harbor", &new(), asked).expect("merges");
    assert!(fresh.contains("current-context: harbor\n"), "{fresh}");
}

#[test]
fn what_is_no_kubeconfig_is_refused_and_named() {
    for text in
        ["[1, 2]", "kind: Secret\n", "a: &x 1\nb: *x\n", "a: 1\n---\nb: 2\n", "\tx", "a: [", "a: 1\na: 2\n"]
    {
        assert!(matches!(with(text), Err(Refusal::Unreadable(_))), "{text:?}: {:?}", with(text));
    }
    assert!(Credentials::read("kind: Config\n").is_err_and(|why| why.contains("clusters")));
}

#[test]
fn credentials_never_show_their_secrets() {
    assert_eq!(format!("{:?}", new()), "Credentials(https://api.example.org:6443, …)");
}

/// Bits of YAML and of kubeconfigs, so that chance comes far enough in.
fn fragment() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::{collection::vec, prelude::*, sample::select};
    let words = [
        "apiVersion: v1\n",
        "kind: Config\n",
        "clusters:\n",
        "contexts:\n",
        "users:\n",
        "current-context: ",
        "clusters: []\n",
        "users: {}\n",
        "- name: harbor\n",
        "- name: office\n",
        "  cluster:\n",
        "    server: ",
        "  cluster: {server: a}\n",
        "    certificate-authority-data: LS0tQ0E=\n",
        "  context:\n",
        "    cluster: harbor\n",
        "    user: harbor\n",
        "  user:\n",
        "    client-certificate-data: a\n",
        "    exec: {}\n",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "'",
        "|\n",
        ">-\n",
        "#",
        "\n",
        "\r\n",
        " ",
        "  ",
        "\t",
        "&a ",
        "*a",
        "!t ",
        "? ",
        "---\n",
        "...\n",
        "%",
        "ä",
        "🛶",
        "\u{feff}",
        "\u{0}",
        "~",
        "null",
    ];
    vec(select(words.to_vec()), 0..30).prop_map(|words| words.concat())
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..proptest::test_runner::Config::with_cases(512) })]

    #[test]
    fn whatever_the_file_holds_it_is_refused_or_merged_once_and_for_all(text in fragment(), force: bool, switch: bool) {
        let liberty = Liberty { force, switch };
        let _ = Credentials::read(&text);
        if let Ok(merged) = merge(&text, "harbor", &new(), liberty) {
            proptest::prop_assert!(mentions(&merged, "harbor"));
            proptest::prop_assert_eq!(merge(&merged, "harbor", &new(), liberty), Ok(merged));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC*") {
        let _ = (merge(&text, "harbor", &new(), Liberty::default()), Credentials::read(&text), mentions(&text, "harbor"));
    }
}
