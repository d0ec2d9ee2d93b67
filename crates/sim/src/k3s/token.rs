//! Tokens and versions: whether a cluster lets a starting process in.

use model::Version;

use super::{Cluster, config::Word};

pub(super) fn judge_downgrade(cluster: &Cluster, version: &Version) -> Result<(), String> {
    if version.minor < cluster.newest.minor {
        return Err(format!(
            "the datastore was written by {}, which is newer than {version}",
            cluster.newest
        ));
    }
    Ok(())
}

pub(super) fn judge_server_token(cluster: &Cluster, token: &Word) -> Result<(), String> {
    let (Word::Known(token), Some(password)) = (token, &cluster.server_password) else { return Ok(()) };
    judge_ca_hash(cluster, &Word::Known(token.clone()))?;
    if Token::parse(token).password == *password {
        return Ok(());
    }
    Err("bootstrap data already found and encrypted with different token".to_owned())
}

pub(super) fn judge_ca_hash(cluster: &Cluster, token: &Word) -> Result<(), String> {
    let Word::Known(token) = token else { return Ok(()) };
    match Token::parse(token).ca {
        Some(ca) if ca != cluster.ca_hash().as_str() => {
            Err("token CA hash does not match the Cluster CA certificate hash".to_owned())
        }
        _ => Ok(()),
    }
}

/// A token in its parts: `K10<ca hash>::<user>:<password>`, or the password alone.
pub(super) struct Token {
    pub ca: Option<String>,
    pub password: String,
}

impl Token {
    pub(super) fn parse(text: &str) -> Self {
        let text = text.trim();
        match text.strip_prefix("K10").and_then(|rest| rest.split_once("::")) {
            Some((ca, credentials)) => {
                let password = credentials.split_once(':').map_or(credentials, |(_, password)| password);
                Self { ca: Some(ca.to_owned()), password: password.to_owned() }
            }
            None => Self { ca: None, password: text.to_owned() },
        }
    }
}
