//! CNI, kube-proxy and network policy together.

use super::View;
use crate::{
    diagnostic::{Code, Diagnostic, Sink, Span},
    raw::CniName,
};

pub(super) fn check(view: &View<'_>, sink: &mut Sink<'_>) {
    let Some(network) = view.network else { return };
    if network.cni.is_bad() {
        return;
    }
    let (cni, flannel) = (view.cni(), view.cni() == CniName::Flannel);
    let name = cni.as_str();
    let at = network.cni.span();
    if let Some(backend) = network.flannel_backend.span().filter(|_| !flannel) {
        let message = format!("`flannelBackend` has no meaning with `cni: {name}`");
        contradiction(message, backend, at, "remove it, or write `cni: flannel`", sink);
    }
    if let Some(policy) = network.network_policy.span().filter(|_| !flannel && view.network_policy()) {
        let message =
            format!("k3s's network-policy controller works with flannel only, not with `cni: {name}`");
        contradiction(message, policy, at, "remove `networkPolicy`; the CNI brings its own", sink);
    }
    if let Some(proxy) = network.kube_proxy.span().filter(|_| flannel && !view.kube_proxy()) {
        let message =
            "flannel does not replace kube-proxy: without it no Service would be reached".to_owned();
        contradiction(
            message,
            proxy,
            at,
            "remove `kubeProxy: false`, or use a CNI that replaces kube-proxy",
            sink,
        );
    }
}

fn contradiction(message: String, at: Span, cni: Option<Span>, help: &str, sink: &mut Sink<'_>) {
    let diagnostic = Diagnostic::error(Code::CniContradiction, message).at(at, "");
    sink.push(cni.into_iter().fold(diagnostic, |found, at| found.at(at, "the CNI")).help(help));
}
