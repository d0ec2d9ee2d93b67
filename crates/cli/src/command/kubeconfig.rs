//! `coracle kubeconfig`.

use std::{
    collections::BTreeSet,
    net::{IpAddr, ToSocketAddrs as _},
    path::{Path, PathBuf},
};

use model::facts::{Api, Facts, Seen};
use spec::cluster::{Cluster, ConfigValue};

use super::{Session, real::Job};
use crate::{
    failure::{Ending, Failure, Kind},
    kubeconfig::{self, Credentials, Liberty, Refusal},
    output,
    run::aim::Goal,
    source,
    world::hold::Hold,
};

/// Print the administrator's kubeconfig, or merge it into yours
///
/// Cluster, user and context are named after the cluster. Merging keeps everything else in the file byte for byte, never
/// switches the current context unasked, and never overwrites another cluster of that name.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Merge into the first file of $KUBECONFIG, or ~/.kube/config, instead of printing
    #[arg(long)]
    merge: bool,

    /// Merge, and make it the current context
    #[arg(long)]
    switch: bool,

    /// Merge, and replace another cluster of the same name
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(session: &Session, args: &Args) -> Result<Ending, Failure> {
    let job = Job::read(session)?;
    let aim = job.aim(session, Goal::Converge, false)?;
    let sight = job.sight(session, &aim)?;
    let healthy = |(name, _): &(&_, &_)| sight.facts.kube.apis.get(*name) == Some(&Api::Ready);
    let found = sight.admin.iter().find(healthy).or_else(|| sight.admin.iter().next());
    let Some((server, admin)) = found else { return Err(nothing_found(&job.cluster, &sight.facts)) };
    let mut credentials = Credentials::read(&String::from_utf8_lossy(admin.expose())).map_err(|why| {
        Failure::new(Kind::Step, format!("{server}: /etc/rancher/k3s/k3s.yaml {why}"))
            .hint("look at the file there; restarting k3s writes it anew")
    })?;
    credentials.server = endpoint(&job.cluster, &sight.facts, server)?;
    let name = job.cluster.name.as_str();
    let liberty = Liberty { force: args.force, switch: args.switch };
    if args.merge || args.switch || args.force {
        merge_into(&target(session, name)?, name, &credentials, liberty)?;
    } else {
        output::to_stdout(&credentials.alone(name))?;
    }
    Ok(Ending::Done)
}

/// No server gave a kubeconfig: because none answers, or because none has one.
fn nothing_found(cluster: &Cluster, facts: &Facts) -> Failure {
    let servers = cluster.servers().filter_map(|node| Some((&node.name, facts.hosts.get(&node.name)?)));
    let dark = servers.filter_map(|(name, seen)| match seen {
        Seen::Dark(fault) => Some((name, fault)),
        Seen::Known(_) => None,
    });
    let dark: Vec<_> = dark.collect();
    let name = &cluster.name;
    let message = if dark.len() == cluster.servers().count() {
        format!("no server of {name} answers, so none could be asked for its kubeconfig")
    } else {
        format!("no server of {name} that answers has a kubeconfig")
    };
    Failure::silent(message, &dark).unwrap_or_else(|| {
        Failure::new(Kind::Later, format!("no server of {name} has a kubeconfig"))
            .hint("`coracle apply` founds the cluster; `coracle status` shows how far it is")
    })
}

/// The API as the operator reaches it: the API's name where that leads to a server, else a server's own address.
fn endpoint(cluster: &Cluster, facts: &Facts, server: &model::NodeName) -> Result<String, Failure> {
    let port = match cluster.kubernetes.config.get("https-listen-port") {
        Some(ConfigValue::Int(port)) => u16::try_from(*port).unwrap_or(6443),
        _ => 6443,
    };
    if let Some(name) = &cluster.kubernetes.api_name {
        let servers: BTreeSet<IpAddr> =
            cluster.servers().flat_map(|node| addresses(cluster, facts, &node.name)).collect();
        let found = (name.as_str(), port).to_socket_addrs();
        if found.is_ok_and(|mut found| found.any(|address| servers.contains(&address.ip()))) {
            return Ok(format!("https://{name}:{port}"));
        }
        output::to_stderr(&format!(
            "note: {name} does not lead to a server; the address of {server} is used\n"
        ));
    }
    match addresses(cluster, facts, server).first() {
        Some(IpAddr::V4(address)) => Ok(format!("https://{address}:{port}")),
        Some(IpAddr::V6(address)) => Ok(format!("https://[{address}]:{port}")),
        None => Err(Failure::new(Kind::Later, format!("no address of {server} is known"))
            .hint("give it one in the cluster file: `address` or `externalAddress`")),
    }
}

/// A server's addresses, the one that is best from outside first.
fn addresses(cluster: &Cluster, facts: &Facts, server: &model::NodeName) -> Vec<IpAddr> {
    let node = cluster.node(server);
    let by_file = node.into_iter().flat_map(|node| [node.external_address, node.address]).flatten();
    let by_ssh = node.and_then(|node| node.ssh.host.parse().ok());
    let by_api = facts.kube.nodes.get(server.as_str()).and_then(|node| node.address);
    let by_host = facts
        .host(server)
        .into_iter()
        .flat_map(|host| host.stable.addresses.iter().map(|address| address.ip));
    by_file.chain(by_ssh).chain(by_api).chain(by_host).collect()
}

/// The file that has the cluster already, else the first of `$KUBECONFIG`, else `~/.kube/config`.
fn target(session: &Session, name: &str) -> Result<PathBuf, Failure> {
    let listed = session.place.var("KUBECONFIG").map(|list| std::env::split_paths(list).collect::<Vec<_>>());
    let listed: Vec<_> = listed.into_iter().flatten().filter(|path| !path.as_os_str().is_empty()).collect();
    let read = |path: &PathBuf| String::from_utf8(source::read(path).ok()?).ok();
    let has = |path: &&PathBuf| read(path).is_some_and(|text| kubeconfig::mentions(&text, name));
    let usual = || session.place.home().map(|home| home.join(".kube/config"));
    listed
        .iter()
        .find(has)
        .or(listed.first())
        .cloned()
        .or_else(usual)
        .ok_or_else(|| Failure::usage("where is your kubeconfig? Neither KUBECONFIG nor HOME is set"))
}

/// Merges under the lock that kubectl heeds too, keeping what was there.
fn merge_into(path: &Path, name: &str, credentials: &Credentials, liberty: Liberty) -> Result<(), Failure> {
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        source::private_dir(dir)?;
    }
    let _hold = Hold::take(path)?;
    let before = source::read_if_there(path)?;
    let text =
        String::from_utf8(before.clone().unwrap_or_default()).map_err(|_| unreadable(path, "is not text"))?;
    let after = kubeconfig::merge(&text, name, credentials, liberty).map_err(|refusal| match refusal {
        Refusal::Unreadable(why) => unreadable(path, &why),
        Refusal::Taken(what) => {
            let message = format!("{} has another {what} called {name}", path.display());
            Failure::new(Kind::Refused, message).hint("rename it there, or replace it with --force")
        }
    })?;
    if after == text && before.is_some() {
        output::to_stderr(&format!("{} has {name} as it is; nothing to do\n", path.display()));
    } else {
        if let Some(before) = before {
            let mut backup = path.as_os_str().to_owned();
            backup.push(".bak");
            source::write(Path::new(&backup), &before, 0o600)?;
        }
        source::write(path, after.as_bytes(), 0o600)?;
        output::to_stderr(&format!("merged {name} into {}\n", path.display()));
    }
    if !liberty.switch {
        output::to_stderr(&format!("use it: kubectl --context {name} get nodes\n"));
    }
    Ok(())
}

fn unreadable(path: &Path, why: &str) -> Failure {
    Failure::new(Kind::ClusterFile, format!("{} {why}", path.display()))
        .hint("nothing was changed; print it with `coracle kubeconfig` and merge it by hand")
}
