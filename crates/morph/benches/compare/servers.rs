//! The servers: how each is started for static files, as its own documentation says, on one core.

use std::{
    env, fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use super::load::said;

/// One server.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) version: String,
    pub(crate) port: u16,
    pub(crate) http2: bool,
    pub(crate) http2_port: u16,
    command: Vec<String>,
    child: Option<Child>,
}

/// Those that are installed, with configurations in a folder beside the tree.
pub(crate) fn installed(root: &Path) -> Vec<Server> {
    let settings = env::temp_dir().join(format!("morph-bench-{}", std::process::id()));
    fs::create_dir_all(&settings).unwrap();
    let servers = [
        ("morph", morph(root), "it is built here"),
        ("nginx", nginx(root, &settings), "`apt-get install nginx-light`"),
        (
            "static-web-server",
            static_web_server(root),
            "`cargo install --locked static-web-server`, or its path in STATIC_WEB_SERVER",
        ),
        ("Caddy", caddy(root, &settings), "`apt-get install caddy`"),
    ];
    let told = |(name, server, cure): (&str, Option<Server>, &str)| {
        if server.is_none() {
            eprintln!("skipped: {name} is not installed; {cure}");
        }
        server
    };
    servers.into_iter().filter_map(told).collect()
}

fn server(name: &'static str, version: &str, ports: (u16, u16), command: &[&str]) -> Server {
    let command = command.iter().map(|&word| word.to_owned()).collect();
    Server {
        name,
        // `nginx version: nginx/1.2.3`, `morph 0.1.0`, `v2.6.2 h1:…`: the first that is a number.
        version: version
            .split(|letter: char| letter.is_whitespace() || letter == '/')
            .find(|word| word.trim_start_matches('v').starts_with(|first: char| first.is_ascii_digit()))
            .unwrap_or("of unknown version")
            .to_owned(),
        port: ports.0,
        http2: ports.1 > 0,
        http2_port: ports.1,
        command,
        child: None,
    }
}

fn morph(root: &Path) -> Option<Server> {
    let program = env::var_os("MORPH").map_or_else(build, PathBuf::from);
    let version = said(program.to_str()?, &["--version"]);
    let root = root.to_str()?;
    Some(server(
        "morph",
        &version,
        (18081, 18081),
        &[
            program.to_str()?,
            "--root",
            root,
            "--listen",
            "127.0.0.1:18081",
            "--admin",
            "off",
            "--workers",
            "1",
        ],
    ))
}

/// The static program as it is shipped.
fn build() -> PathBuf {
    let target = "x86_64-unknown-linux-gnu";
    let rustflags = format!("target.{target}.rustflags=[\"-C\",\"target-feature=+crt-static\"]");
    let status = Command::new(env!("CARGO"))
        .args(["build", "-p", "morph", "--profile", "dist", "--target", target, "--config", &rustflags])
        .status()
        .unwrap();
    assert!(status.success(), "morph does not build");
    let folder = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target")), PathBuf::from);
    folder.join(target).join("dist/morph")
}

fn nginx(root: &Path, settings: &Path) -> Option<Server> {
    let version = Command::new("nginx").arg("-v").output().ok()?;
    let version = String::from_utf8_lossy(&version.stderr).into_owned();
    let config = format!(
        "daemon off; master_process off; worker_processes 1; worker_rlimit_nofile 20000; pid {0}/nginx.pid; error_log {0}/nginx.err;
events {{ worker_connections 16384; multi_accept on; }}
http {{
  include /etc/nginx/mime.types; access_log off; log_not_found off; sendfile on; tcp_nopush on; tcp_nodelay on;
  keepalive_requests 100000000; keepalive_timeout 120s; http2_max_requests 100000000;
  open_file_cache max=10000 inactive=60s; open_file_cache_valid 30s; open_file_cache_min_uses 1; open_file_cache_errors on;
  gzip_static on;
  server {{ listen 127.0.0.1:18082 backlog=4096; root {1}; }}
  server {{ listen 127.0.0.1:18083 http2 backlog=4096; root {1}; }}
}}\n",
        settings.display(),
        root.display()
    );
    let path = settings.join("nginx.conf");
    fs::write(&path, config.replace("http2_max_requests 100000000;", "")).ok()?;
    Some(server("nginx", &version, (18082, 18083), &["nginx", "-c", path.to_str()?]))
}

fn static_web_server(root: &Path) -> Option<Server> {
    let program = env::var("STATIC_WEB_SERVER").unwrap_or_else(|_| "static-web-server".to_owned());
    let version = said(&program, &["--version"]);
    let command = [
        &program,
        "--host",
        "127.0.0.1",
        "--port",
        "18084",
        "--root",
        root.to_str()?,
        "--threads-multiplier",
        "1",
        "--log-level",
        "error",
        "--compression-static",
        "true",
        "--compression",
        "false",
        "--cache-control-headers",
        "false",
    ];
    (!version.is_empty()).then(|| server("static-web-server", &version, (18084, 0), &command))
}

fn caddy(root: &Path, settings: &Path) -> Option<Server> {
    let version = said("caddy", &["version"]);
    let config = format!(
        "{{\n admin off\n auto_https off\n servers {{\n  protocols h1 h2c\n }}\n}}\nhttp://127.0.0.1:18085 {{\n root * {}\n file_server {{\n  precompressed gzip\n }}\n}}\n",
        root.display()
    );
    let path = settings.join("Caddyfile");
    fs::write(&path, config).ok()?;
    (!version.is_empty()).then(|| {
        server(
            "Caddy",
            &version,
            (18085, 18085),
            &["caddy", "run", "--adapter", "caddyfile", "--config", path.to_str().unwrap_or_default()],
        )
    })
}

impl Server {
    /// Starts it on the first core and waits until it listens.
    pub(crate) fn start(&mut self) {
        let mut command = Command::new("taskset");
        command.args(["-c", "0"]).args(&self.command).env("GOMAXPROCS", "1");
        self.child = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        for _ in 0..400 {
            if TcpStream::connect(("127.0.0.1", self.port)).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(25));
        }
        panic!("{} does not listen", self.name);
    }

    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    fn proc(&self, name: &str) -> String {
        let id = self.child.as_ref().map_or(0, Child::id);
        fs::read_to_string(format!("/proc/{id}/{name}")).unwrap_or_default()
    }

    /// Seconds of CPU so far, of all threads, in user and kernel mode. Ticks would be too coarse for the cold case.
    pub(crate) fn cpu(&self) -> f64 {
        let id = self.child.as_ref().map_or(0, Child::id);
        let threads = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
        let nanos = threads.filter_map(|thread| {
            let stat = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            stat.split_whitespace().next()?.parse::<f64>().ok()
        });
        nanos.sum::<f64>() / 1e9
    }

    /// Megabytes of memory that are its own share.
    pub(crate) fn memory(&self) -> f64 {
        let rollup = self.proc("smaps_rollup");
        let line = rollup.lines().find(|line| line.starts_with("Pss:")).unwrap_or("");
        line.split_whitespace().nth(1).and_then(|number| number.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
