//! `coracle check`.

use serde::Serialize;
use spec::diagnostic::Diagnostic;

use super::Session;
use crate::{
    args::Output,
    failure::{Ending, Failure, Kind},
    output,
    ui::{
        paint::{Paint, Tone},
        screen::SCHEMA,
        span,
    },
};

/// Check the cluster file without looking at any host
///
/// Shows every error of the file at once, each with its place and what to write instead.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {}

#[derive(Serialize)]
struct Checked<'a> {
    schema: u32,
    kind: &'static str,
    file: String,
    clusters: Vec<&'a str>,
    diagnostics: &'a [Diagnostic],
}

pub(crate) fn run(session: &Session) -> Result<Ending, Failure> {
    let read = session.read_cluster_file()?;
    if session.global.output == Output::Json {
        output::json_line(&Checked {
            schema: SCHEMA,
            kind: "check",
            file: session.global.file.display().to_string(),
            clusters: read.parsed.clusters.iter().map(|cluster| cluster.name.as_str()).collect(),
            diagnostics: &read.parsed.diagnostics,
        })?;
        let wrong = read.parsed.has_errors();
        return if wrong { Err(Failure::shown(Kind::ClusterFile)) } else { Ok(Ending::Done) };
    }
    let clusters = session.complain(read)?;
    let paint = Paint(session.place.colour(session.global.color, session.place.stdout.terminal));
    for cluster in clusters {
        let servers = span::count(cluster.servers().count(), "server");
        let agents = span::count(cluster.nodes.len() - cluster.servers().count(), "agent");
        let name = paint.tone(Tone::Name, cluster.name.as_str());
        let sign = paint.tone(Tone::Good, "✓");
        let version = &cluster.kubernetes.version;
        output::to_stdout(&format!("{sign} {name}: {servers}, {agents}, k3s {version}\n"))?;
    }
    Ok(Ending::Done)
}
