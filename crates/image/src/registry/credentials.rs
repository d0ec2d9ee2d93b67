//! Credentials from the usual docker configuration.
//!
//! Owns: reading `config.json` and asking credential helpers. Must not: show a secret in any message.

use std::{
    collections::BTreeMap,
    fmt,
    io::Write,
    process::{Command, Stdio},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;

/// A user and a password, or a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user; empty with a token.
    pub user: String,
    /// The password or token.
    pub secret: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({}, …)", self.user)
    }
}

/// Why credentials could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The file is not what docker writes.
    #[error("the docker configuration is not readable: {0}; `docker login` or `podman login` write it anew")]
    Config(serde_json::Error),
    /// An entry is not what docker writes.
    #[error("the docker configuration's entry for {0} is not readable; log in again")]
    Entry(String),
    /// A helper failed.
    #[error(
        "docker-credential-{helper}: {words}; log in again, or remove the helper from the docker configuration"
    )]
    Helper {
        /// Which.
        helper: String,
        /// Why.
        words: String,
    },
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    identitytoken: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    username: String,
    secret: String,
}

/// The credentials for a registry in the text of a `config.json`; `None` when it has none.
pub fn find(config: &str, registry: &str) -> Result<Option<Credentials>, CredentialError> {
    let config: Config = serde_json::from_str(config).map_err(CredentialError::Config)?;
    // Docker's own registry goes by an address from its first version.
    let names: &[&str] =
        if registry == "docker.io" { &["https://index.docker.io/v1/", "docker.io"] } else { &[registry] };
    for name in names {
        let helper = config.cred_helpers.get(*name).or(config.creds_store.as_ref());
        if let Some(helper) = helper
            && let Some(credentials) = ask(helper, name)?
        {
            return Ok(Some(credentials));
        }
        let with_scheme = format!("https://{name}");
        if let Some(entry) = config.auths.get(*name).or_else(|| config.auths.get(&with_scheme))
            && let Some(credentials) = read(entry, name)?
        {
            return Ok(Some(credentials));
        }
    }
    Ok(None)
}

fn read(entry: &Entry, name: &str) -> Result<Option<Credentials>, CredentialError> {
    if let Some(token) = entry.identitytoken.as_ref().filter(|token| !token.is_empty()) {
        return Ok(Some(Credentials { user: String::new(), secret: token.clone() }));
    }
    let Some(auth) = entry.auth.as_ref().filter(|auth| !auth.is_empty()) else { return Ok(None) };
    let wrong = || CredentialError::Entry(name.to_owned());
    let plain = STANDARD.decode(auth.trim()).map_err(|_| wrong())?;
    let plain = String::from_utf8(plain).map_err(|_| wrong())?;
    let (user, secret) = plain.split_once(':').ok_or_else(wrong)?;
    Ok(Some(Credentials { user: user.to_owned(), secret: secret.trim_end_matches('\0').to_owned() }))
}

/// The protocol of credential helpers: the server on standard input, JSON on standard output.
fn ask(helper: &str, name: &str) -> Result<Option<Credentials>, CredentialError> {
    let failed = |words: String| CredentialError::Helper { helper: helper.to_owned(), words };
    if helper.is_empty() || helper.contains('/') {
        return Err(failed("not a name of a program".to_owned()));
    }
    let mut command = Command::new(format!("docker-credential-{helper}"));
    let started =
        command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = started.map_err(|error| failed(error.to_string()))?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(name.as_bytes()).map_err(|error| failed(error.to_string()))?;
    }
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        // Helpers say on standard output that they have nothing; that is no failure.
        let words = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        return if words.contains("not found") { Ok(None) } else { Err(failed(words)) };
    }
    let helped: Helped = serde_json::from_slice(&output.stdout)
        .map_err(|_| failed("said something else than credentials".to_owned()))?;
    let user = if helped.username == "<token>" { String::new() } else { helped.username };
    Ok(Some(Credentials { user, secret: helped.secret }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_by_the_names_that_docker_uses() {
        let config = r#"{"auths": {"https://index.docker.io/v1/": {"auth": "bWU6cGFzcw=="}, "ghcr.io": {"identitytoken": "t", "auth": ""}, "x.org": {}}}"#;
        let found = |registry| find(config, registry).unwrap().map(|found| (found.user, found.secret));
        assert_eq!(found("docker.io"), Some(("me".to_owned(), "pass".to_owned())));
        assert_eq!(found("ghcr.io"), Some((String::new(), "t".to_owned())));
        assert_eq!(found("x.org"), None);
        assert_eq!(found("y.org"), None);
    }

    #[test]
    fn secrets_are_not_shown() {
        let shown = format!("{:?}", Credentials { user: "me".to_owned(), secret: "hush".to_owned() });
        assert!(!shown.contains("hush"));
        let error = find(r#"{"auths": {"x.org": {"auth": "aHVzaA=="}}}"#, "x.org").unwrap_err().to_string();
        assert!(!error.contains("aHVz") && error.contains("x.org"));
    }
}
