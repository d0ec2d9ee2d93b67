//! Calls to a registry, authenticated.
//!
//! Owns: answering a 401 (Basic, or a token from where it says), and telling refusals apart. Must not: know uploads.

use std::{fmt::Write, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use ureq::{
    Agent,
    http::Request,
    tls::{RootCerts, TlsConfig},
};

use super::{Options, PushError, credentials::Credentials, reference::Reference};

/// One request, which can be sent again.
#[derive(Clone, Debug)]
pub(super) struct Call {
    method: &'static str,
    url: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Call {
    pub(super) fn new(method: &'static str, url: String) -> Call {
        Call { method, url, headers: Vec::new(), body: Vec::new() }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Call {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn body(mut self, body: Vec<u8>) -> Call {
        self.body = body;
        self
    }

    /// For messages; addresses of uploads hold state that is nobody's affair.
    fn what(&self) -> String {
        format!("{} {}", self.method, self.url.split('?').next().unwrap_or_default())
    }
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    pub(super) range: Option<String>,
    challenge: Option<String>,
    words: String,
}

impl Answer {
    /// Fine if the status is one of these.
    pub(super) fn expect(&self, statuses: &[u16], call: &Call) -> Result<(), PushError> {
        if statuses.contains(&self.status) {
            return Ok(());
        }
        let cure = match self.status {
            401 => "; log in with `docker login` or `podman login`, the configuration of which is used",
            403 => "; ask who runs the registry for the right to push there",
            404 => "; check the repository's name, some registries want it made first",
            413 => "; the registry takes smaller requests, use a smaller --chunk",
            _ => "",
        };
        Err(PushError::Refused { what: call.what(), status: self.status, words: self.words.clone(), cure })
    }

    /// Whether trying again may help.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.status, 408 | 429 | 500 | 502 | 503 | 504)
    }
}

/// A registry.
pub(super) struct Client {
    agent: Agent,
    base: String,
    repository: String,
    credentials: Option<Credentials>,
    authorization: Option<String>,
    tries: u32,
    pause: Duration,
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

impl Client {
    pub(super) fn new(to: &Reference, credentials: Option<Credentials>, options: &Options) -> Client {
        // What the operator's machine trusts is trusted.
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(provider)
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(Duration::from_secs(15)))
            .timeout_recv_response(Some(Duration::from_mins(2)))
            .build()
            .new_agent();
        Client {
            agent,
            base: to.base(options.plain),
            repository: to.repository.clone(),
            credentials,
            authorization: None,
            tries: options.tries.max(1),
            pause: options.pause,
        }
    }

    /// An address of the repository.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/v2/{}/{path}", self.base, self.repository)
    }

    /// Where a Location leads, which may be relative.
    pub(super) fn resolve(&self, location: &str) -> String {
        if location.starts_with('/') { format!("{}{location}", self.base) } else { location.to_owned() }
    }

    /// Calls until an answer comes that trying again would not change.
    pub(super) fn call(&mut self, call: &Call) -> Result<Answer, PushError> {
        for tried in 1..self.tries {
            match self.once(call) {
                Ok(answer) if !answer.is_passing() => return Ok(answer),
                _ => self.rest(tried),
            }
        }
        self.once(call)
    }

    /// Waits before another try.
    pub(super) fn rest(&self, tried: u32) {
        std::thread::sleep(self.pause * 2_u32.saturating_pow(tried.saturating_sub(1)).min(64));
    }

    /// Calls once, and once more if credentials were asked for.
    pub(super) fn once(&mut self, call: &Call) -> Result<Answer, PushError> {
        let answer = self.send(call, self.authorization.as_deref())?;
        let (401, Some(challenge), true) = (answer.status, answer.challenge.as_deref(), self.is_own(call))
        else {
            return Ok(answer);
        };
        let Some(authorization) = self.authorize(challenge)? else { return Ok(answer) };
        self.authorization = Some(authorization);
        self.send(call, self.authorization.as_deref())
    }

    /// Whether a call is the registry's own: an upload may be sent to another host, which the credentials are not for,
    /// and which is not asked where to show them.
    fn is_own(&self, call: &Call) -> bool {
        call.url.strip_prefix(&self.base).is_some_and(|path| path.starts_with('/'))
    }

    fn send(&self, call: &Call, authorization: Option<&str>) -> Result<Answer, PushError> {
        let broken = |error: String| PushError::Broken { what: call.what(), error };
        let mut request = Request::builder().method(call.method).uri(&call.url);
        for (name, value) in &call.headers {
            request = request.header(*name, value);
        }
        if let Some(authorization) = authorization.filter(|_| self.is_own(call)) {
            request = request.header("authorization", authorization);
        }
        let has_body = matches!(call.method, "PUT" | "POST" | "PATCH");
        let answer = if has_body {
            let request = request.body(call.body.as_slice()).map_err(|error| broken(error.to_string()))?;
            self.agent.run(request)
        } else {
            let request = request.body(()).map_err(|error| broken(error.to_string()))?;
            self.agent.run(request)
        };
        let mut answer = answer.map_err(|error| broken(error.to_string()))?;
        let header =
            |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (location, range, challenge) = (header("location"), header("range"), header("www-authenticate"));
        let status = answer.status().as_u16();
        let words = answer.body_mut().with_config().limit(64 << 10).read_to_string().unwrap_or_default();
        Ok(Answer { status, location, range, challenge, words: words.trim().to_owned() })
    }

    /// What to send in Authorization, from what a registry asked for.
    fn authorize(&self, challenge: &str) -> Result<Option<String>, PushError> {
        let basic = self.credentials.as_ref().filter(|known| !known.user.is_empty());
        let basic = basic
            .map(|known| format!("Basic {}", STANDARD.encode(format!("{}:{}", known.user, known.secret))));
        let (scheme, parameters) = challenge.split_once(' ').unwrap_or((challenge, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Ok(basic.filter(|_| self.authorization.is_none()));
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Ok(None);
        }
        // Who speaks TLS does not have secrets sent without it.
        let realm = parameter(parameters, "realm").filter(|realm| {
            realm.starts_with("https://") || self.base.starts_with("http://") && realm.starts_with("http://")
        });
        let Some(realm) = realm else { return Ok(None) };
        let scope = parameter(parameters, "scope")
            .unwrap_or_else(|| format!("repository:{}:pull,push", self.repository));
        let service = parameter(parameters, "service").unwrap_or_default();
        let known = self.credentials.as_ref();
        let call = match known.filter(|known| known.user.is_empty()) {
            // A refresh token, as `docker login` keeps it for some registries.
            Some(known) => {
                let form = format!(
                    "grant_type=refresh_token&client_id=coracle&service={}&scope={}&refresh_token={}",
                    quote(&service),
                    quote(&scope),
                    quote(&known.secret)
                );
                Call::new("POST", realm)
                    .with("content-type", "application/x-www-form-urlencoded")
                    .body(form.into_bytes())
            }
            None => Call::new("GET", format!("{realm}?service={}&scope={}", quote(&service), quote(&scope))),
        };
        let call = basic.into_iter().fold(call, |call, basic| call.with("authorization", basic));
        let answer = self.send(&call, None)?;
        answer.expect(&[200], &call)?;
        let token: Token = serde_json::from_str(&answer.words).map_err(|_| PushError::Broken {
            what: call.what(),
            error: "no token in the answer".to_owned(),
        })?;
        Ok(token.token.or(token.access_token).map(|token| format!("Bearer {token}")))
    }
}

/// A quoted parameter of a challenge (RFC 9110 section 11.2).
fn parameter(parameters: &str, name: &str) -> Option<String> {
    let mut rest = parameters;
    while let Some((key, after)) = rest.split_once('=') {
        let key = key.trim_start_matches([',', ' ']).trim();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').unwrap_or((after, "")),
        };
        if key.eq_ignore_ascii_case(name) {
            return Some(value.to_owned());
        }
        rest = next;
    }
    None
}

fn quote(text: &str) -> String {
    let mut quoted = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            quoted.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(quoted, "%{byte:02X}");
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_taken_apart_with_commas_in_their_values() {
        let challenge =
            r#"realm="https://auth.example.org/token",service="registry", scope="repository:a/b:pull,push""#;
        assert_eq!(parameter(challenge, "realm").as_deref(), Some("https://auth.example.org/token"));
        assert_eq!(parameter(challenge, "Scope").as_deref(), Some("repository:a/b:pull,push"));
        assert_eq!(parameter(challenge, "error"), None);
        assert_eq!(parameter("realm=\"open", "realm"), None);
    }
}
