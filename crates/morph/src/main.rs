//! The `morph` program: arguments, the configuration file, signals.
//!
//! Owns: what is printed and the exit code: 0 ended as told, 1 could not serve, 2 wrong arguments or configuration.

use std::{
    fs,
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use clap::Parser;
use morph::{
    config::{Config, Site, address, parse},
    server::{bind, confine, start},
    site::Sites,
};
use tokio::signal::unix::{SignalKind, signal};

/// Serves static web sites behind an ingress.
#[derive(Parser)]
#[command(
    version,
    about,
    max_term_width = 100,
    after_help = "Without --config, one site is served for every host: the tree at --root.\n\
GET /healthz, /readyz and /metrics are answered on the --admin address.\n\
SIGTERM ends gracefully, SIGINT without waiting for routes to change. `man morph` has the configuration file."
)]
struct Arguments {
    /// Configuration file
    #[arg(short, long, value_name = "FILE", conflicts_with = "root")]
    config: Option<PathBuf>,
    /// Tree to serve, or a link to it that is switched
    #[arg(short, long, value_name = "DIR", default_value = "/srv")]
    root: PathBuf,
    /// Where to serve; replaces what the file says
    #[arg(short, long, value_name = "ADDRESS", value_parser = address)]
    listen: Vec<SocketAddr>,
    /// Where health and metrics are, or `off`; replaces what the file says
    #[arg(short, long, value_name = "ADDRESS")]
    admin: Option<Admin>,
    /// Threads that serve [default: one for each core that the process may use]
    #[arg(short, long, value_name = "NUMBER")]
    workers: Option<usize>,
    /// Write each request to standard output, as JSON
    #[arg(long)]
    access_log: bool,
    /// Check the configuration and end
    #[arg(long)]
    check: bool,
}

#[derive(Clone, Copy)]
enum Admin {
    Off,
    At(SocketAddr),
}

impl std::str::FromStr for Admin {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Admin, Self::Err> {
        if text == "off" { Ok(Admin::Off) } else { address(text).map(Admin::At) }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let config = match configuration(&arguments) {
        Ok(config) => config,
        Err(words) => return fail(2, &words),
    };
    if arguments.check {
        say(&format!("fine: {} site(s)", config.sites.len()));
        return ExitCode::SUCCESS;
    }
    match serve(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(1, &error.to_string()),
    }
}

fn configuration(arguments: &Arguments) -> Result<Config, String> {
    let mut config = match &arguments.config {
        Some(path) => read(path)?,
        None => Config {
            sites: vec![Site { root: arguments.root.clone(), ..Site::default() }],
            ..Config::default()
        },
    };
    if !arguments.listen.is_empty() {
        config.listen.clone_from(&arguments.listen);
    }
    match arguments.admin {
        Some(Admin::Off) => config.admin = None,
        Some(Admin::At(address)) => config.admin = Some(address),
        None => {}
    }
    config.workers = arguments.workers.unwrap_or(config.workers).clamp(1, 256);
    config.access_log |= arguments.access_log;
    Ok(config)
}

fn read(path: &PathBuf) -> Result<Config, String> {
    let shown = path.display();
    let bytes = fs::read(path).map_err(|error| {
        format!(
            "cannot read {shown}: {error}\n    cure: check the path, and that the server's user may read it"
        )
    })?;
    let text = String::from_utf8(bytes).map_err(|_| {
        format!("{shown} is not text in UTF-8\n    cure: give a file like examples/morph.yaml")
    })?;
    parse(&text).map_err(|findings| {
        let lines: Vec<String> = findings.iter().map(|finding| format!("{shown}:{finding}")).collect();
        lines.join("\n")
    })
}

fn serve(mut config: Config) -> io::Result<()> {
    let limit = confine::raise_open_files();
    let (kept, room) = confine::share_out(limit, config.cache.open_files);
    config.cache.open_files = kept;
    if room < config.limits.connections {
        let wanted = config.limits.connections;
        say(&format!(
            "{limit} files may be open, which leaves room for {room} connections; raise it for {wanted}"
        ));
        config.limits.connections = room;
    }
    let bound = bind(&config)?;
    confine::give_up_privileges().map_err(|errno| {
        io::Error::other(format!("cannot give up privileges: {errno}; allow prctl and capset in the sandbox"))
    })?;
    let sites = Arc::new(Sites::new(&config));
    for root in sites.absent() {
        say(&format!("no tree at {root} yet; it is served as soon as it is there"));
    }
    // Before the workers, so that a signal is never met by the default.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut terminate, mut interrupt) = runtime.block_on(async {
        Ok::<_, io::Error>((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?))
    })?;
    let server = start(&config, bound, &sites, io::stdout())?;
    for address in &server.addresses {
        say(&format!("serving on {address}"));
    }
    if let Some(address) = server.admin {
        say(&format!("health and metrics on {address}"));
    }
    let at_once = runtime.block_on(async {
        tokio::select! {
            _ = terminate.recv() => false,
            _ = interrupt.recv() => true,
        }
    });
    say(if at_once { "ending" } else { "ending gracefully" });
    server.end(at_once)
}

/// Says something to who looks after the server. Nobody listening is no reason to stop.
fn say(words: &str) {
    let _ = writeln!(io::stderr(), "morph: {words}");
}

fn fail(code: u8, words: &str) -> ExitCode {
    say(words);
    ExitCode::from(code)
}
