//! The end of a run: what is there now, what is left open, and what to do next.

use engine::Converged;
use model::{
    event::End,
    facts::{Api, Facts, NodeFact, Seen},
    report::{Finding, Report, Weight},
};
use serde::Serialize;
use spec::cluster::{Cluster, Node};

use super::{
    finding,
    paint::{Paint, Tone},
    screen::SCHEMA,
    table::{Cell, Table},
};
use crate::{args::Output, command::Session, failure::Failure, output};

/// One node as it is, for the table and for programs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    node: String,
    role: &'static str,
    state: String,
    #[serde(skip)]
    tone: Tone,
    etcd: &'static str,
    version: String,
    address: String,
}

/// Every node of the file, then every one that only the API knows.
pub(crate) fn rows(cluster: &Cluster, facts: &Facts) -> Vec<Row> {
    let known = cluster.nodes.iter().map(|node| row(node, facts));
    let names: Vec<_> = cluster.nodes.iter().map(|node| node.name.as_str()).collect();
    let others = facts.kube.nodes.iter().filter(|(name, _)| !names.contains(&name.as_str()));
    let orphans = others.map(|(name, fact)| Row {
        node: name.clone(),
        role: "orphan",
        state: "not in the file".to_owned(),
        tone: Tone::Care,
        ..known_to_api(fact)
    });
    known.chain(orphans).collect()
}

fn row(node: &Node, facts: &Facts) -> Row {
    let fact = facts.kube.nodes.get(node.name.as_str());
    let api = facts.kube.apis.get(&node.name);
    let (tone, state) = match (facts.hosts.get(&node.name), fact) {
        (Some(Seen::Dark(fault)), _) => (Tone::Bad, fault.cause.to_string()),
        (_, Some(fact)) if fact.ready && !matches!(api, Some(Api::Down(_))) => {
            (Tone::Good, "Ready".to_owned())
        }
        (_, Some(fact)) if fact.ready => (Tone::Care, "Ready, its API is not".to_owned()),
        (_, Some(fact)) => (Tone::Care, fact.reason.clone()),
        (Some(Seen::Known(host)), None) if host.stable.k3s.services.is_empty() => {
            (Tone::Faint, "no k3s yet".to_owned())
        }
        _ => (Tone::Care, "not registered".to_owned()),
    };
    let base = fact.map_or_else(Row::unknown, known_to_api);
    Row { node: node.name.to_string(), role: node.role.as_str(), state, tone, ..base }
}

fn known_to_api(fact: &NodeFact) -> Row {
    Row {
        etcd: match fact.voter {
            Some(true) => "voter",
            Some(false) => "learner",
            None => "-",
        },
        version: fact.version.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
        address: fact.address.map_or_else(|| "-".to_owned(), |address| address.to_string()),
        ..Row::unknown()
    }
}

impl Row {
    fn unknown() -> Self {
        Self {
            node: String::new(),
            role: "",
            state: String::new(),
            tone: Tone::Plain,
            etcd: "-",
            version: "-".to_owned(),
            address: "-".to_owned(),
        }
    }

    fn cells(&self) -> [Cell; 6] {
        [
            (Tone::Name, self.node.clone()),
            (Tone::Plain, self.role.to_owned()),
            (self.tone, brief(&self.state)),
            (Tone::Plain, self.etcd.to_owned()),
            (Tone::Plain, self.version.clone()),
            (Tone::Plain, self.address.clone()),
        ]
    }
}

/// A state as a table has room for it: kubelets tell the whole story in one line.
fn brief(state: &str) -> String {
    const ROOM: usize = 44;
    if state.contains("cni plugin not initialized") {
        return "waits for a CNI".to_owned();
    }
    match state.char_indices().nth(ROOM) {
        Some((end, _)) => format!("{}…", &state[..end]),
        None => state.to_owned(),
    }
}

/// The end of a run, for programs.
#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    kind: &'static str,
    end: &'a End,
    nodes: &'a [Row],
    findings: &'a [Finding],
}

/// Shows what there is now and what is left open.
pub(crate) fn show(session: &Session, cluster: &Cluster, converged: &Converged) -> Result<(), Failure> {
    let rows = rows(cluster, &converged.facts);
    if session.global.output == Output::Json {
        let (end, findings) = (&converged.end, &converged.report.findings);
        return output::json_line(&Document { schema: SCHEMA, kind: "result", end, nodes: &rows, findings });
    }
    output::to_stderr(&open(&converged.report, session.paint_err()));
    output::to_stderr("\n");
    output::to_stdout(&table(&rows, session.paint_out()))
}

/// The table of nodes.
pub(crate) fn table(rows: &[Row], paint: Paint) -> String {
    let mut table = Table::default();
    table.head(["node", "role", "state", "etcd", "version", "address"]);
    for row in rows {
        table.row(row.cells());
    }
    table.show(paint)
}

/// What is left open, with cures; empty when nothing is.
fn open(report: &Report, paint: Paint) -> String {
    let heavy = report.findings.iter().filter(|finding| finding.weight >= Weight::Waits).cloned();
    let open = Report { findings: heavy.collect() };
    match finding::show(&open, paint).as_str() {
        "" => String::new(),
        text => format!("\n{}\n{text}", paint.tone(Tone::Strong, "Left open:")),
    }
}
