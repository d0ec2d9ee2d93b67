//! The `morph-image` program: arguments, the environment, what is printed.
//!
//! Owns: the command line. Must not: hold anything that the library should know. Exit code 1: it could not be done;
//! 2: wrong arguments.

use std::{
    env, fs,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};
use image::{
    archive,
    build::{Recipe, build},
    layout::Layout,
    registry::{Options, credentials, push, reference::Reference},
};

/// Builds container images from static binaries and trees, and pushes them.
#[derive(Parser)]
#[command(version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Build an image into an OCI layout, and archives of it
    Build(Box<Build>),
    /// Push a layout's image to a registry
    Push(Push),
}

#[derive(Args)]
struct Build {
    /// Static program; once for each machine, which is read from the file
    #[arg(long, value_name = "FILE", required = true)]
    binary: Vec<PathBuf>,
    /// Where the program is in the image [default: / and the first file's name]
    #[arg(long, value_name = "PATH")]
    program: Option<String>,
    /// Tree to put into the image
    #[arg(long, value_name = "DIR[:PATH]")]
    tree: Vec<String>,
    /// Directory for the layout
    #[arg(long, value_name = "DIR")]
    layout: PathBuf,
    /// Write all machines' images into one file, for `ctr image import` and k3s
    #[arg(long, value_name = "FILE")]
    archive: Option<PathBuf>,
    /// Write one machine's image into a file for `docker load`
    #[arg(long, value_name = "FILE")]
    docker_archive: Option<PathBuf>,
    /// Which machine's image `--docker-archive` holds
    #[arg(long, value_name = "NAME")]
    arch: Option<String>,
    /// Name in archives
    #[arg(long, value_name = "REPOSITORY:TAG")]
    name: Option<String>,
    /// User and group that the program runs as
    #[arg(long, value_name = "UID:GID", default_value = "65532:65532")]
    user: String,
    /// TCP port that the program listens on
    #[arg(long, value_name = "NUMBER")]
    port: Vec<u16>,
    /// Label
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    label: Vec<(String, String)>,
    /// Environment variable
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    env: Vec<(String, String)>,
    /// Seconds since 1970 that everything bears [default: `SOURCE_DATE_EPOCH`, else 0]
    #[arg(long, value_name = "SECONDS")]
    created: Option<u64>,
    /// Arguments of the program
    #[arg(last = true)]
    arguments: Vec<String>,
}

#[derive(Args)]
struct Push {
    /// Directory of the layout
    #[arg(long, value_name = "DIR")]
    layout: PathBuf,
    /// Where to, like registry.example.org/team/site:1.2
    to: Reference,
    /// Bytes of a request
    #[arg(long, value_name = "BYTES", default_value_t = Options::default().chunk)]
    chunk: usize,
    /// No TLS, also for a registry on another machine
    #[arg(long)]
    plain_http: bool,
}

type Failure = Box<dyn std::error::Error>;

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn main() -> ExitCode {
    let done = match Arguments::parse().verb {
        Verb::Build(arguments) => run_build(*arguments),
        Verb::Push(arguments) => run_push(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "morph-image: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run_build(arguments: Build) -> Result<(), Failure> {
    let file_name = arguments
        .binary
        .first()
        .and_then(|path| path.file_name())
        .map(|name| name.to_string_lossy().into_owned());
    let epoch = env::var("SOURCE_DATE_EPOCH").ok().map(|text| text.parse::<u64>());
    let epoch = epoch
        .transpose()
        .map_err(|_| "SOURCE_DATE_EPOCH is not a number of seconds; set it right or unset it")?;
    let recipe = Recipe {
        program: arguments.program.unwrap_or_else(|| format!("/{}", file_name.unwrap_or_default())),
        binaries: arguments.binary,
        trees: arguments.tree.iter().map(|text| place(text)).collect(),
        user: arguments.user,
        ports: arguments.port,
        arguments: arguments.arguments,
        env: arguments.env.into_iter().map(|(name, value)| format!("{name}={value}")).collect(),
        labels: arguments.label.into_iter().collect(),
        created: arguments.created.or(epoch).unwrap_or_default(),
        name: arguments.name,
    };
    let layout = Layout::create(&arguments.layout)?;
    let built = build(&recipe, &layout)?;
    if let Some(path) = &arguments.archive {
        archive::oci(&layout, path)?;
    }
    if let Some(path) = &arguments.docker_archive {
        archive::docker(&layout, arguments.arch.as_deref(), path)?;
    }
    let mut out = io::stdout();
    for manifest in &built.manifests {
        let machine =
            manifest.platform.as_ref().map(|platform| platform.architecture.as_str()).unwrap_or_default();
        writeln!(out, "{machine} {}", manifest.digest)?;
    }
    writeln!(out, "index {}\nbytes {}", built.index.digest, built.size)?;
    Ok(())
}

/// `DIR` goes to `/srv`, `DIR:PATH` to PATH.
fn place(text: &str) -> (PathBuf, String) {
    match text.rsplit_once(':') {
        Some((source, place)) if place.starts_with('/') => (PathBuf::from(source), place.to_owned()),
        _ => (PathBuf::from(text), "/srv".to_owned()),
    }
}

fn run_push(arguments: &Push) -> Result<(), Failure> {
    let directory = env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let directory = directory.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".docker")));
    let config = directory.map(|directory| directory.join("config.json")).filter(|path| path.exists());
    let credentials = match config {
        Some(path) => {
            let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            credentials::find(&text, &arguments.to.registry)?
        }
        None => None,
    };
    let options =
        Options { chunk: arguments.chunk.max(1), plain: arguments.plain_http, ..Options::default() };
    let layout = Layout::open(&arguments.layout);
    let pushed = push(&layout, &arguments.to, credentials, &options)?;
    let image = layout.image()?;
    let name = arguments.to.to_string();
    let name = name.rsplit_once(':').map_or(name.as_str(), |(name, _)| name);
    writeln!(
        io::stdout(),
        "{name}@{}\nsent {} there {} resumed {}",
        image.digest,
        pushed.sent,
        pushed.there,
        pushed.resumed
    )?;
    Ok(())
}
