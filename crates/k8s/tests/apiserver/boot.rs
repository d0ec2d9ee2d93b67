//! A real etcd and kube-apiserver on loopback, found through `KUBEBUILDER_ASSETS`.

use std::{
    io,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use k8s::{Dial, Stream};
use model::secret::Secret;
use tokio::io::AsyncWriteExt as _;

/// One API with its datastore; both die with this.
pub(crate) struct Apiserver {
    pub(crate) port: u16,
    dir: tempfile::TempDir,
    bin: PathBuf,
    running: Vec<Child>,
}

impl Apiserver {
    /// Starts both, or says by `None` that there are none on this machine.
    pub(crate) fn boot() -> Option<Self> {
        let bin = PathBuf::from(std::env::var_os("KUBEBUILDER_ASSETS")?);
        let dir = tempfile::tempdir().expect("a directory");
        let (client, peer, port) = (free_port(), free_port(), free_port());
        let mut this = Self { port, dir, bin, running: Vec::new() };
        let (etcd, peer) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
        let data = this.path("etcd");
        this.start(
            "etcd",
            &[
                "--data-dir",
                &data,
                "--unsafe-no-fsync",
                "--listen-client-urls",
                &etcd,
                "--advertise-client-urls",
                &etcd,
                "--listen-peer-urls",
                &peer,
                "--initial-advertise-peer-urls",
                &peer,
                "--initial-cluster",
                &format!("default={peer}"),
            ],
        );
        let (key, tokens, certs) = (this.path("key"), this.path("tokens"), this.path("certs"));
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "rsa", "-m", "PEM", "-N", "", "-f", &key]).output();
        assert!(made.expect("ssh-keygen runs").status.success());
        std::fs::write(&tokens, "letmein,admin,1,system:masters\n").expect("written");
        this.start(
            "kube-apiserver",
            &[
                "--etcd-servers",
                &etcd,
                "--bind-address",
                "127.0.0.1",
                "--secure-port",
                &port.to_string(),
                "--cert-dir",
                &certs,
                "--token-auth-file",
                &tokens,
                "--authorization-mode",
                "RBAC",
                "--service-account-issuer",
                "https://kubernetes.default",
                "--service-account-key-file",
                &key,
                "--service-account-signing-key-file",
                &key,
                "--service-cluster-ip-range",
                "10.43.0.0/16",
            ],
        );
        Some(this)
    }

    fn start(&mut self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(self.bin.join(program));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.running.push(command.spawn().expect("it starts"));
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().expect("a plain path").to_owned()
    }

    /// The kubeconfig that its admin would have, with this token. The API writes its certificate, and behind it the
    /// authority it made, when it starts.
    pub(crate) fn kubeconfig(&self, token: &str) -> Option<Secret> {
        let chain = std::fs::read_to_string(Path::new(&self.path("certs/apiserver.crt"))).ok()?;
        let authority = chain.rfind("-----BEGIN").map(|at| STANDARD.encode(&chain[at..]))?;
        Some(kubeconfig(self.port, &authority, token))
    }

    /// Runs kubectl as admin, with this on its standard input.
    pub(crate) async fn kubectl(&self, arguments: &[&str], input: &str) -> Output {
        let kubeconfig = self.path("kubeconfig");
        let admin = self.kubeconfig("letmein").expect("it has started");
        std::fs::write(&kubeconfig, admin.expose()).expect("written");
        let mut command = tokio::process::Command::new(self.bin.join("kubectl"));
        command.arg("--kubeconfig").arg(&kubeconfig).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("kubectl runs");
        let mut pipe = child.stdin.take().expect("it is piped");
        pipe.write_all(input.as_bytes()).await.expect("it reads");
        drop(pipe);
        child.wait_with_output().await.expect("it ends")
    }
}

impl Drop for Apiserver {
    fn drop(&mut self) {
        for child in self.running.iter_mut().rev() {
            child.kill().and_then(|()| child.wait()).expect("it was running");
        }
    }
}

/// Channels to a port on this machine.
pub(crate) fn dial(port: u16) -> Dial {
    Arc::new(move |_| {
        Box::pin(async move {
            let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    })
}

pub(crate) fn kubeconfig(port: u16, authority: &str, token: &str) -> Secret {
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: default\n\
         clusters: [{{name: default, cluster: {{server: 'https://127.0.0.1:{port}', \
         certificate-authority-data: {authority}}}}}]\n\
         contexts: [{{name: default, context: {{cluster: default, user: default}}}}]\n\
         users: [{{name: default, user: {{token: {token}}}}}]\n"
    );
    Secret::new(text.into_bytes())
}

pub(crate) fn free_port() -> u16 {
    let port = || -> io::Result<u16> { Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port()) };
    port().expect("loopback has free ports")
}
