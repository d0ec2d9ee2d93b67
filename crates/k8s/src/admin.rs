//! A client for one server, by that server's admin kubeconfig.
//!
//! Owns: what is believed of a kubeconfig. It comes from a host, so only the certificates and keys that stand in it
//! are taken: a path it names is not read, a program it names is not run, an address it names is not called. Must
//! not: trust any other authority than the one in it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Uri;
use hyper_util::{client::legacy::Client as Pool, rt::TokioExecutor};
use kube::{
    Client, Config,
    client::{Body, ConfigExt as _},
    config::{AuthInfo, Cluster, Kubeconfig},
};
use model::{NodeName, secret::Secret};
use tower::ServiceBuilder;

use crate::dial::{Dial, Dialer};

/// Every server of k3s answers for this address, and the far end of a channel calls its server by it.
const CALLED: &str = "https://127.0.0.1:6443";

/// A client that reaches this server through `dial`. Must be called within a tokio runtime.
pub(crate) fn client(server: &NodeName, kubeconfig: &Secret, dial: &Dial) -> Result<Client, String> {
    let config = config(kubeconfig)?;
    let dialer = Dialer { server: server.clone(), dial: Dial::clone(dial) };
    let unfit = |error: kube::Error| format!("the admin kubeconfig of {server} cannot be used: {error}");
    let connector = config.rustls_https_connector_with_connector(dialer).map_err(unfit)?;
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer().map_err(unfit)?)
        .map_err(tower::BoxError::from)
        .service(Pool::builder(TokioExecutor::new()).build::<_, Body>(connector));
    Ok(Client::new(service, "default"))
}

fn config(kubeconfig: &Secret) -> Result<Config, String> {
    let text =
        str::from_utf8(kubeconfig.expose()).map_err(|_| "the admin kubeconfig is not text".to_owned())?;
    // The parser's own words could quote a key.
    let file = Kubeconfig::from_yaml(text).map_err(|_| "the admin kubeconfig cannot be read".to_owned())?;
    let (cluster, user) = current(&file).ok_or("the admin kubeconfig has no current context")?;
    let authority = cluster.certificate_authority_data.as_deref();
    let authority = authority.ok_or("the admin kubeconfig carries no certificate authority")?;
    let mut config = Config::new(Uri::from_static(CALLED));
    config.root_cert = Some(certificates(authority)?);
    config.auth_info = AuthInfo {
        client_certificate_data: user.client_certificate_data.clone(),
        client_key_data: user.client_key_data.clone(),
        token: user.token.clone(),
        ..AuthInfo::default()
    };
    // Each request has its own deadline, and its own second try.
    config.default_retry = false;
    Ok(config)
}

fn current(file: &Kubeconfig) -> Option<(&Cluster, &AuthInfo)> {
    let wanted = file.current_context.as_deref()?;
    let context = file.contexts.iter().find(|named| named.name == wanted)?.context.as_ref()?;
    let cluster = file.clusters.iter().find(|named| named.name == context.cluster)?.cluster.as_ref()?;
    let user = file.auth_infos.iter().find(|named| Some(&named.name) == context.user.as_ref())?;
    Some((cluster, user.auth_info.as_ref()?))
}

/// The certificates of a PEM text in base64, each as DER.
fn certificates(base64: &str) -> Result<Vec<Vec<u8>>, String> {
    let bad = || "the certificate authority in the admin kubeconfig cannot be read".to_owned();
    let pem = STANDARD.decode(base64).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(bad)?;
    let mut found = Vec::new();
    for block in pem.split("-----BEGIN CERTIFICATE-----").skip(1) {
        let (body, _) = block.split_once("-----END CERTIFICATE-----").ok_or_else(bad)?;
        let body: String = body.split_whitespace().collect();
        found.push(STANDARD.decode(body).map_err(|_| bad())?);
    }
    if found.is_empty() { Err(bad()) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(authority: &str, user: &str) -> Result<Config, String> {
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: default\n\
             clusters: [{{name: default, cluster: {{server: 'https://198.51.100.1:1', {authority}}}}}]\n\
             contexts: [{{name: default, context: {{cluster: default, user: default}}}}]\n\
             users: [{{name: default, user: {{{user}}}}}]\n"
        );
        config(&Secret::new(text.into_bytes()))
    }

    fn authority() -> String {
        let pem = "-----BEGIN CERTIFICATE-----\nAAEC\nAwQF\n-----END CERTIFICATE-----\n".repeat(2);
        format!("certificate-authority-data: {}", STANDARD.encode(pem))
    }

    #[test]
    fn only_what_stands_in_a_kubeconfig_is_taken_from_it() {
        let user = "client-certificate: /etc/passwd, tokenFile: /etc/shadow, token: given, \
                    exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/false}";
        let config = read(&authority(), user).expect("usable");
        assert_eq!(config.cluster_url, CALLED);
        assert_eq!(config.root_cert, Some(vec![vec![0, 1, 2, 3, 4, 5]; 2]));
        assert!(config.auth_info.exec.is_none());
        assert!(config.auth_info.token_file.is_none());
        assert!(config.auth_info.client_certificate.is_none());
        assert!(config.auth_info.token.is_some());
    }

    #[test]
    fn a_kubeconfig_without_an_authority_is_not_used_with_the_systems() {
        let missing = read("certificate-authority: /etc/ssl/ca.pem", "token: given").map(|_| ());
        assert_eq!(missing, Err("the admin kubeconfig carries no certificate authority".to_owned()));
        let broken = read("certificate-authority-data: '!'", "token: given").map(|_| ());
        assert_eq!(
            broken,
            Err("the certificate authority in the admin kubeconfig cannot be read".to_owned())
        );
    }

    #[test]
    fn an_unreadable_kubeconfig_is_not_quoted() {
        let refused = config(&Secret::new(b"users: [{user: {client-key-data: hidden".to_vec())).map(|_| ());
        assert_eq!(refused, Err("the admin kubeconfig cannot be read".to_owned()));
    }
}
