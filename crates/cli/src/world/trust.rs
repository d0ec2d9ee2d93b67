//! Trust on first use, when a person says so.
//!
//! Owns: showing a key's fingerprint and asking. Must not: accept anything by itself: `--yes` alone refuses an
//! unknown key, and a changed key is never accepted here.

use model::{
    NodeName,
    facts::{Facts, Seen},
    fault::Cause,
};
use spec::cluster::Cluster;
use ssh::{Destination, Standing};

use super::real;
use crate::{
    command::Session,
    failure::Failure,
    output,
    ui::{ask, paint::Tone},
};

/// Hosts whose key nobody knows yet.
pub(crate) fn unknown(facts: &Facts) -> Vec<NodeName> {
    let unknown = facts
        .hosts
        .iter()
        .filter(|(_, seen)| matches!(seen, Seen::Dark(fault) if fault.cause == Cause::KeyUnknown));
    unknown.map(|(host, _)| host.clone()).collect()
}

/// Shows the keys of these hosts and asks whether to trust them. True when any was accepted.
pub(crate) async fn ask(session: &Session, cluster: &Cluster, hosts: &[NodeName]) -> Result<bool, Failure> {
    let Some(list) = real::known_hosts(session).filter(|_| session.place.can_ask()) else { return Ok(false) };
    let ssh = real::open(session, [], None)?;
    let paint = session.paint_err();
    let mut accepted = false;
    for node in cluster.nodes.iter().filter(|node| hosts.contains(&node.name)) {
        let to = Destination { name: node.name.clone(), target: node.ssh.clone(), key: None };
        let Ok(offered) = ssh.scan(&to).await else { continue };
        if offered.standing != Standing::Unknown {
            continue;
        }
        let name = paint.tone(Tone::Name, &format!("{} ({})", node.name, node.ssh));
        output::to_stderr(&format!(
            "\nThe host key of {name} is not known:\n  {} {}\nCompare it on the host's console: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\n",
            offered.key.algorithm, offered.fingerprint
        ));
        if ask::whether("Trust it from now on?", paint) {
            ssh::accept(&list, &offered).map_err(|error| Failure::writing(&list, &error))?;
            accepted = true;
        }
    }
    Ok(accepted)
}
