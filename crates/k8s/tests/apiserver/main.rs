//! The adaptor against a real kube-apiserver; skipped where `KUBEBUILDER_ASSETS` names none.

#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod boot;

use std::{collections::BTreeMap, time::Duration};

use boot::{Apiserver, dial, free_port};
use k8s::{KubeApi, Limits};
use model::{
    Effect, NodeName, Taint,
    facts::{Api, KubeFacts},
    op::KubeOp,
    port::Kube as _,
    reply::{FailureKind, KubeReply},
    secret::Secret,
};

const LIMITS: Limits = Limits { settle: Duration::from_secs(30), pause: Duration::from_millis(50) };
const NODE: &str = r#"{"apiVersion": "v1", "kind": "Node", "metadata": {
    "name": "harbor-1", "finalizers": ["wrangler.cattle.io/node"],
    "labels": {"node-role.kubernetes.io/etcd": "true", "old": "1"},
    "annotations": {"etcd.k3s.cattle.io/node-name": "harbor-1-abc", "etcd.k3s.cattle.io/node-address": "10.0.0.1"}}}"#;
const PASSWORD: &str = r#"{"apiVersion": "v1", "kind": "Secret", "metadata": {
    "name": "harbor-1.node-password.k3s", "namespace": "kube-system"}}"#;

fn name(text: &str) -> NodeName {
    text.parse().expect("a name")
}

fn adaptor(port: u16, admin: Option<Secret>) -> KubeApi<'static> {
    KubeApi::new(dial(port), Box::new(move |_| admin.clone()), LIMITS)
}

async fn observe(kube: &KubeApi<'_>) -> KubeFacts {
    let servers = [name("harbor-1")];
    match kube.ask(&servers, &KubeOp::Observe).await {
        Ok(KubeReply::Observed(facts)) => facts,
        other => panic!("observing gives facts, not {other:?}"),
    }
}

async fn down(kube: &KubeApi<'_>) -> String {
    match observe(kube).await.apis.remove(&name("harbor-1")) {
        Some(Api::Down(why)) => why,
        other => panic!("it is not down but {other:?}"),
    }
}

async fn change(kube: &KubeApi<'_>, op: KubeOp) -> KubeReply {
    kube.ask(&[name("harbor-1")], &op).await.expect("the API does it")
}

/// Boots an API and waits until it is ready.
async fn ready() -> Option<(Apiserver, KubeApi<'static>)> {
    let Some(api) = Apiserver::boot() else {
        eprintln!("skipped: KUBEBUILDER_ASSETS names no kube-apiserver");
        return None;
    };
    for _ in 0..600 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let kube = adaptor(api.port, api.kubeconfig("letmein"));
        if observe(&kube).await.answers() {
            return Some((api, kube));
        }
    }
    panic!("the API is not ready after a minute");
}

#[test]
fn a_real_api_is_observed_and_changed() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let Some((api, kube)) = ready().await else { return };
        assert!(observe(&kube).await.nodes.is_empty());
        refusals(&api, &kube).await;
        assert!(
            api.kubectl(&["create", "-f", "-"], &format!("{NODE}\n---\n{PASSWORD}")).await.status.success()
        );
        labels(&kube).await;
        member(&api, &kube).await;
        deletion(&api, &kube).await;
    });
}

async fn refusals(api: &Apiserver, kube: &KubeApi<'_>) {
    assert_eq!(down(&adaptor(api.port, None)).await, "no admin kubeconfig was found on harbor-1");
    let stranger = adaptor(api.port, api.kubeconfig("wrong"));
    assert_eq!(down(&stranger).await, "Unauthorized (401)");
    let nobody = adaptor(free_port(), api.kubeconfig("letmein"));
    assert!(down(&nobody).await.contains("Connection refused"));
    // The authority of another cluster: this kube-apiserver's own certificate was not made by it.
    let other = Apiserver::boot().expect("there was one before");
    let mut foreign = None;
    while foreign.is_none() {
        tokio::time::sleep(Duration::from_millis(50)).await;
        foreign = other.kubeconfig("letmein");
    }
    let why = down(&adaptor(api.port, foreign)).await;
    assert!(why.contains("invalid peer certificate"), "{why}");

    let op = KubeOp::SetNode {
        node: name("nobody"),
        labels: BTreeMap::new(),
        drop_labels: Vec::new(),
        taints: Vec::new(),
        drop_taints: Vec::new(),
    };
    let failure = kube.ask(&[name("harbor-1")], &op).await.expect_err("there is no such node");
    assert_eq!((failure.kind, failure.detail.as_str()), (FailureKind::Refused, "there is no node nobody"));
}

async fn labels(kube: &KubeApi<'_>) {
    let op = KubeOp::SetNode {
        node: name("harbor-1"),
        labels: BTreeMap::from([("zone".to_owned(), "home".to_owned())]),
        drop_labels: vec!["old".to_owned()],
        taints: vec![Taint { key: "dedicated".into(), value: "db".into(), effect: Effect::NoSchedule }],
        drop_taints: Vec::new(),
    };
    assert_eq!(change(kube, op.clone()).await, KubeReply::Changed);
    assert_eq!(change(kube, op).await, KubeReply::Unchanged);
    let fact = observe(kube).await.nodes.remove("harbor-1").expect("it is there");
    assert_eq!(fact.labels.get("zone").map(String::as_str), Some("home"));
    assert!(!fact.labels.contains_key("old"));
    assert_eq!(fact.owned_labels, ["zone"]);
    assert_eq!(fact.owned_taints, ["dedicated:NoSchedule"]);
    // The API has put its own not-ready taint on the new Node, which is not ours to see.
    assert_eq!(fact.taints.iter().map(ToString::to_string).collect::<Vec<_>>(), ["dedicated=db:NoSchedule"]);
}

async fn member(api: &Apiserver, kube: &KubeApi<'_>) {
    let op = KubeOp::RemoveMember { node: name("harbor-1") };
    let k3s = async {
        let asked = [
            "get",
            "node",
            "harbor-1",
            "-o",
            r"jsonpath={.metadata.annotations.etcd\.k3s\.cattle\.io/remove}",
        ];
        while api.kubectl(&asked, "").await.stdout != b"true" {}
        let done = ["etcd.k3s.cattle.io/removed-node-name=harbor-1-abc", "etcd.k3s.cattle.io/node-name-"];
        let told = api.kubectl(&["annotate", "node", "harbor-1", done[0], done[1]], "").await;
        assert!(told.status.success());
    };
    let (reply, ()) = futures::join!(change(kube, op.clone()), k3s);
    assert_eq!(reply, KubeReply::Changed);
    assert_eq!(change(kube, op).await, KubeReply::Unchanged);
}

async fn deletion(api: &Apiserver, kube: &KubeApi<'_>) {
    let op = KubeOp::DeleteNode { node: name("harbor-1") };
    let k3s = async {
        let asked = ["get", "node", "harbor-1", "-o", "jsonpath={.metadata.deletionTimestamp}"];
        while api.kubectl(&asked, "").await.stdout.is_empty() {}
        let patch = r#"{"metadata": {"finalizers": null}}"#;
        assert!(
            api.kubectl(&["patch", "node", "harbor-1", "--type=merge", "-p", patch], "")
                .await
                .status
                .success()
        );
    };
    let (reply, ()) = futures::join!(change(kube, op.clone()), k3s);
    assert_eq!(reply, KubeReply::Changed);
    assert!(observe(kube).await.nodes.is_empty());
    let secret = ["get", "secret", "-n", "kube-system", "harbor-1.node-password.k3s"];
    assert!(!api.kubectl(&secret, "").await.status.success());
    assert_eq!(change(kube, op).await, KubeReply::Unchanged);
}
