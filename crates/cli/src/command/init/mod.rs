//! `coracle init`.

mod adopt;
mod compose;
mod hosts;
mod keys;

use std::path::Path;

use model::{
    ClusterName, Version,
    facts::{Facts, Seen},
};
use serde_json::json;
use spec::cluster::Cluster;
use ssh::Destination;

use super::{
    Session, lock,
    real::{self, Job},
};
use crate::{
    args::Output,
    failure::{Ending, Failure, Kind},
    output,
    run::aim::Goal,
    source,
    ui::ask,
};
use compose::Draft;

/// Write a first cluster file and its lock
///
/// Takes the hosts as arguments, or asks. A host is NAME=USER@ADDRESS:PORT, of which only ADDRESS is needed, or a Host of
/// your ~/.ssh/config.
/// Looks at the hosts that answer, pins their keys, and describes a k3s that is there already. Changes nothing on them.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The machines; servers first
    #[arg(value_name = "HOST")]
    hosts: Vec<String>,

    /// Name of the cluster
    #[arg(long)]
    name: Option<String>,

    /// How many of the hosts run the control plane; 1 of up to two, otherwise 3
    #[arg(long, value_name = "N")]
    servers: Option<usize>,

    /// k3s release
    #[arg(long, value_name = "VERSION")]
    version: Option<Version>,

    /// Address range that the hosts reach each other in, as in 192.168.1.0/24
    #[arg(long, value_name = "CIDR")]
    lan: Option<String>,

    /// Replace a cluster file that is there
    #[arg(long)]
    force: bool,

    /// Do not write coracle.lock, which needs the network
    #[arg(long)]
    no_lock: bool,

    /// Do not look at the hosts: pin no host keys, read no k3s that is there already
    #[arg(long)]
    offline: bool,
}

pub(crate) fn run(session: &Session, args: &Args) -> Result<Ending, Failure> {
    let path = &session.global.file;
    let to_stdout = path == Path::new("-");
    if !to_stdout && path.exists() && !args.force {
        return Err(Failure::new(Kind::CannotWrite, format!("{} is there already", path.display()))
            .hint("name another with -f FILE, or replace it with --force"));
    }
    let mut draft = draft(session, args)?;
    let mut checked = check(session, &draft)?;
    if !args.offline {
        look(session, &mut draft, &checked.cluster)?;
        checked = check(session, &draft)?;
    }
    let Checked { text, cluster } = checked;
    if to_stdout {
        output::to_stdout(&text)?;
        return Ok(Ending::Done);
    }
    source::write(path, text.as_bytes(), 0o644)?;
    if session.global.output == Output::Text {
        output::to_stderr(&format!("wrote {}\n", path.display()));
    }
    if !args.no_lock {
        lock::write(session, &[cluster], false).map_err(|failure| {
            failure.hint("the cluster file is written; run `coracle lock` when the network is there")
        })?;
    }
    output::to_stderr("next: `coracle rehearse` tries it out, `coracle plan` shows what it would change\n");
    Ok(Ending::Done)
}

/// A draft as text, and as what that text says.
struct Checked {
    text: String,
    cluster: Cluster,
}

/// Puts a draft through the checks of every cluster file.
fn check(session: &Session, draft: &Draft) -> Result<Checked, Failure> {
    let text = compose::text(draft);
    let mut parsed = spec::parse(&text, &|_| None);
    if parsed.has_errors() {
        let picture = spec::render("the new cluster file", &text, &parsed.diagnostics, session.paint_err().0);
        output::to_stderr(&picture);
        let adopted = "this k3s is set up in a way that the cluster file cannot say";
        let kind = if draft.adopted { Kind::ClusterFile } else { Kind::Usage };
        return Err(Failure::new(
            kind,
            if draft.adopted { adopted } else { "these arguments make no cluster" },
        ));
    }
    Ok(Checked { cluster: parsed.clusters.swap_remove(0), text })
}

/// Looks at the hosts that answer: their keys, and a k3s that may be there. Nothing on them is changed.
fn look(session: &Session, draft: &mut Draft, cluster: &Cluster) -> Result<(), Failure> {
    let to: Vec<_> = cluster
        .nodes
        .iter()
        .map(|node| Destination { name: node.name.clone(), target: node.ssh.clone(), key: None })
        .collect();
    real::runtime()?.block_on(keys::pin(session, draft, &to))?;
    let cluster = check(session, draft)?.cluster;
    let job = Job::once(session, cluster)?;
    let aim = job.aim(session, Goal::Converge, false)?;
    let facts = job.look(session, &aim)?;
    if let Some(failure) = nobody(&facts) {
        return Err(failure);
    }
    if adopt::adopt(draft, &facts) {
        output::to_stderr("these hosts run k3s already: the file describes it as it is\n");
    }
    Ok(())
}

/// An error when not one host could be looked at: a file that nobody has compared with any machine is not written unasked.
fn nobody(facts: &Facts) -> Option<Failure> {
    let dark = facts.hosts.iter().map(|(host, seen)| match seen {
        Seen::Dark(fault) => Some((host, fault)),
        Seen::Known(_) => None,
    });
    let dark: Vec<_> = dark.collect::<Option<_>>()?;
    let failure = Failure::silent("no host could be looked at; nothing was written", &dark)?;
    Some(failure.hint("`coracle init --offline` writes a file without looking at any host"))
}

fn draft(session: &Session, args: &Args) -> Result<Draft, Failure> {
    let asks = args.hosts.is_empty();
    if asks && !session.place.can_ask() {
        return Err(Failure::usage("which hosts?")
            .hint("name them: `coracle init root@203.0.113.10 root@203.0.113.11 root@203.0.113.12`"));
    }
    let ask = |question: &str, default: &str| {
        ask::line(question, default, session.paint_err())
            .ok_or_else(|| Failure::new(Kind::Interrupted, "input has ended; nothing was written"))
    };
    let name = match &args.name {
        Some(name) => name.clone(),
        None if asks => ask("Name of the cluster", "harbor")?,
        None => "harbor".to_owned(),
    };
    let name: ClusterName =
        name.parse().map_err(|why| Failure::usage(format!("the cluster's name {name:?} {why}")))?;
    let mut words = args.hosts.clone();
    if asks {
        let answer = ask("Hosts, servers first, as [user@]address with blanks between", "")?;
        words = answer.split([' ', ',']).filter(|word| !word.is_empty()).map(ToOwned::to_owned).collect();
        if words.is_empty() {
            return Err(Failure::usage("a cluster needs at least one host"));
        }
    }
    let usual = if words.len() < 3 { 1 } else { 3 };
    let servers = match args.servers {
        Some(servers) => servers,
        None if asks => ask("How many of them are servers", &usual.to_string())?
            .parse()
            .map_err(|_| Failure::usage("the number of servers is not a number"))?,
        None => usual,
    };
    if servers == 0 || servers > words.len() {
        return Err(Failure::usage(format!("{servers} servers of {} hosts cannot be", words.len())));
    }
    let version = args.version.clone().unwrap_or(spec::k3s::release::DEFAULT);
    let lan = args.lan.as_ref().map(|cidr| ("nodeNetwork", json!({"lan": {"cidr": cidr}})));
    Ok(Draft {
        nodes: hosts::nodes(&name, &words, servers)?,
        name,
        version,
        kubernetes: Vec::new(),
        network: lan.into_iter().collect(),
        adopted: false,
    })
}
