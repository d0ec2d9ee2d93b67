//! Files that are right, and the clusters they become.
#![expect(clippy::disallowed_methods, reason = "only the tests of a pure crate read files: their fixtures")]

use std::{fs, path::Path};

use insta::assert_snapshot;
use spec::cluster::{Body, Cni, Datastore, Match, Role};

fn parse(text: &str) -> spec::Parsed {
    let parsed = spec::parse(text, &|_| None);
    let picture = spec::render("test.yaml", text, &parsed.diagnostics, false);
    assert!(parsed.diagnostics.is_empty(), "{picture}");
    parsed
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a file")
}

#[test]
fn the_smallest_file_gets_a_default_for_everything_else() {
    let text = "{apiVersion: coracle.dev/v1alpha1, kind: Cluster, metadata: {name: dinghy}, spec: {nodes: [{ssh: pi}]}}";
    let cluster = parse(text).clusters.remove(0);
    assert_snapshot!(serde_json::to_string_pretty(&cluster.kubernetes).expect("plain data"), @r#"
    {
      "version": "v1.36.4+k3s1",
      "datastore": "sqlite",
      "api_name": null,
      "secrets_encryption": true,
      "disable": [],
      "config": {}
    }
    "#);
    assert_eq!(cluster.nodes[0].name.as_str(), "dinghy-1");
    assert_eq!(cluster.nodes[0].role, Role::Server);
    assert!(cluster.os.baseline && cluster.network.kube_proxy && cluster.network.network_policy);
}

#[test]
fn every_key_arrives_where_it_belongs() {
    let parsed = parse(&read("tests/valid/full.yaml"));
    let [harbor, _, skiff] = parsed.clusters.as_slice() else { panic!("three documents") };
    assert!(matches!(harbor.kubernetes.datastore, Datastore::External(_)));
    assert_snapshot!(serde_json::to_string(&harbor.kubernetes.config).expect("plain data"), @r#"{"debug":{"bool":true},"helm-controller-arg":{"list":["job-resources={}"]},"https-listen-port":{"int":7443},"kubelet-arg":{"list":["max-pods=50"]},"tls-san":{"list":["*.harbor.example.org","203.0.113.7"]}}"#);
    assert_eq!(harbor.nodes[0].ssh.to_string(), "root@[2001:db8::1]:2222");
    assert_eq!(harbor.nodes[0].taints[1].to_string(), "gpu=:NoExecute");
    assert_eq!(harbor.os.motd.as_deref(), Some("Welcome to $HOME.\n"));
    assert_eq!((harbor.os.files[0].mode, harbor.os.files[1].mode), (0o640, 0o600));
    assert!(matches!(harbor.os.files[1].body, Body::Secret(_)));
    assert!(matches!(&harbor.os.packages[1].on, Match::Nodes(nodes) if nodes.len() == 1));
    let config = serde_json::to_string(&skiff.kubernetes.config).expect("plain data");
    assert_snapshot!(config, @r#"{"etcd-s3-secret-key":{"secret":{"file":"~/.secrets/s3"}},"etcd-s3-timeout":{"text":"1h30m"},"etcd-snapshot-retention":{"int":7}}"#);
    assert_eq!((skiff.network.cni, skiff.network.network_policy), (Cni::Cilium, false));
    assert_eq!(skiff.os.sysctls[1].value, "20");
}

#[test]
fn the_datastore_follows_from_the_number_of_servers() {
    let cluster = parse(&read("../../examples/quickstart.yaml")).clusters.remove(0);
    assert_eq!(cluster.kubernetes.datastore, Datastore::Etcd);
    assert_eq!(cluster.servers().count(), 3);
}

#[test]
fn every_example_is_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for entry in fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            parse(&fs::read_to_string(path).expect("text"));
        }
    }
}

#[test]
fn variables_fill_values_and_nothing_else() {
    let text = "apiVersion: coracle.dev/v1alpha1\nkind: Cluster\nmetadata: {name: \"${NAME}\"}\nspec:\n  domain: ${INJECT}\n  nodes: [{ssh: pi}]\n";
    let env = |name: &str| match name {
        "NAME" => Some("harbor".to_owned()),
        _ => Some("a.org\n  firewall: {}".to_owned()),
    };
    let codes: Vec<_> = spec::parse(text, &env).diagnostics.iter().map(|one| one.code.as_str()).collect();
    assert_eq!(codes, ["invalid-name"]);
}

#[test]
fn line_ends_and_a_byte_order_mark_change_no_meaning_and_no_place() {
    let text = read("../../examples/quickstart.yaml");
    let dressed = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    assert_eq!(parse(&text).clusters, parse(&dressed).clusters);
    let wrong = "\u{feff}apiVersion: coracle.dev/v1alpha1\r\nkind: Klaster\r\n";
    let parsed = spec::parse(wrong, &|_| None);
    let kind = parsed.diagnostics.iter().find(|one| one.message.contains("Klaster")).expect("a finding");
    assert_eq!(kind.position(), Some((2, 7)));
}

#[test]
fn a_picture_shows_the_line_and_what_to_write() {
    let text = "apiVersion: coracle.dev/v1alpha1\nkind: Cluster\nmetadata: {name: harbor}\nspec:\n  nodes:\n    - {name: a, role: sever, ssh: a}\n    - {name: a, role: server, ssh: b}\n";
    let parsed = spec::parse(text, &|_| None);
    assert_snapshot!(spec::render("coracle.yaml", text, &parsed.diagnostics, false), @r"
    error[unknown-value]: `role`: `sever` is not one of its values
     --> coracle.yaml:6:23
      |
    6 |     - {name: a, role: sever, ssh: a}
      |                       ^^^^^
      |
      = help: did you mean `server`?

    error[duplicate-name]: two nodes are named `a`
     --> coracle.yaml:7:14
      |
    6 |     - {name: a, role: sever, ssh: a}
      |              - first here
    7 |     - {name: a, role: server, ssh: b}
      |              ^ again here
      |
      = help: rename one of them
    ");
    assert_snapshot!(serde_json::to_string(&parsed.diagnostics[0]).expect("plain data"), @r#"{"code":"unknown-value","severity":"error","message":"`role`: `sever` is not one of its values","labels":[{"span":{"start":109,"end":114},"line":6,"column":23,"text":""}],"help":"did you mean `server`?"}"#);
}

#[test]
fn a_file_with_too_many_findings_is_cut() {
    let text = (0..500).map(|nth| format!("k{nth}: 1")).collect::<Vec<_>>().join("\n");
    let diagnostics = spec::parse(&text, &|_| None).diagnostics;
    assert_eq!(diagnostics.len(), 201);
    assert_eq!(diagnostics[200].code.as_str(), "too-large");
    let large = format!("# {}\n", "x".repeat(1 << 20));
    assert_eq!(spec::parse(&large, &|_| None).diagnostics[0].code.as_str(), "too-large");
}
