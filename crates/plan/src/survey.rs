//! What to look at on each host, so that the plan has every fact it asks for.

use std::collections::BTreeMap;

use model::{
    facts::Init,
    op::{Look, Survey},
};
use spec::{cluster::Node, name::NodeName};

use crate::{Wish, k3s, os};

/// What to look at on each host of the cluster. What a host needs depends on its init system and sshd, which only the
/// look itself can tell: both ways are asked about.
pub fn survey(wish: &Wish<'_>) -> BTreeMap<NodeName, Survey> {
    wish.cluster.nodes.iter().map(|node| (node.name.clone(), host(wish, node))).collect()
}

fn host(wish: &Wish<'_>, node: &Node) -> Survey {
    let mut survey = Survey { verify: wish.verify, ..Survey::default() };
    for init in [Init::Systemd, Init::Openrc] {
        for want in os::wants(wish.cluster, node, init, true) {
            want.survey(&mut survey);
        }
    }
    survey.services.extend(["ssh".to_owned(), "sshd".to_owned()]);
    survey.services.extend(os::restarted(wish.cluster, node));
    k3s::survey(wish.cluster, node, &mut survey);
    survey.services.sort();
    survey.services.dedup();
    // A directory's own content is no digest.
    survey.paths.insert("/root".into(), Look::Meta);
    survey
}
