//! Addresses, ranges, SSH targets and host keys as they are written.

use std::net::{IpAddr, Ipv6Addr};

use base64::{Engine, engine::general_purpose::STANDARD};
use ipnet::IpNet;
use serde_json::{Value as Json, json};

use super::text::{Text, Wrong};
use crate::{
    cluster::{HostKey, SshTarget},
    diagnostic::Code,
};

impl Text for IpAddr {
    const WHAT: &'static str = "an IP address such as 192.168.1.12";

    fn read(text: &str) -> Result<Self, Wrong> {
        let wrong = || Wrong::new(Code::InvalidValue, "is not an IP address");
        let address: Self = text.parse().map_err(|_| match text.split_once('/') {
            Some((address, _)) if address.parse::<Self>().is_ok() => wrong().help(format!("write {address}")),
            _ => wrong(),
        })?;
        let unusable = address.is_unspecified() || address.is_loopback() || address.is_multicast();
        if unusable {
            Err(Wrong::new(Code::InvalidValue, "is no address of a single machine"))
        } else {
            Ok(address)
        }
    }
}

impl Text for IpNet {
    const WHAT: &'static str = "an address range such as 10.42.0.0/16";

    fn read(text: &str) -> Result<Self, Wrong> {
        let range: Self =
            text.parse().map_err(|_| Wrong::new(Code::InvalidCidr, "is not an address range"))?;
        if range.addr() == range.network() {
            return Ok(range);
        }
        let wrong = Wrong::new(Code::InvalidCidr, "has bits set behind its prefix");
        Err(wrong.help(format!("write {}", range.trunc())))
    }

    fn schema() -> Json {
        json!({"type": "string", "pattern": "^[0-9a-fA-F.:]+/[0-9]{1,3}$"})
    }
}

impl Text for SshTarget {
    const WHAT: &'static str = "user@address[:port], or a Host alias of your ssh configuration";

    fn read(text: &str) -> Result<Self, Wrong> {
        let wrong = |why: &str| Wrong::new(Code::InvalidValue, why);
        if let Some(rest) = text.strip_prefix("ssh://") {
            return Err(wrong("is a URL").help(format!("write {}", rest.trim_end_matches('/'))));
        }
        let (user, rest) = match text.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, text),
        };
        if user.is_some_and(|user| user.contains(':')) {
            return Err(Wrong::secret("holds a password").help("write user@address; SSH logs in with a key"));
        }
        if user.is_some_and(|user| !is_word(user, "._-$")) {
            return Err(wrong("has no usable user name before the @"));
        }
        let (host, port) = host_and_port(rest).ok_or_else(|| wrong("has no usable address"))?;
        let port = port.map(|port| port.parse::<u16>().ok().filter(|port| *port > 0));
        if port == Some(None) {
            return Err(Wrong::new(Code::InvalidPort, "has no port from 1 to 65535 after the colon"));
        }
        Ok(Self { user: user.map(str::to_owned), host: host.to_owned(), port: port.flatten() })
    }
}

/// `[v6]:port`, `[v6]`, `v6`, `host:port` or `host`. Nothing that OpenSSH could take for an option gets through.
fn host_and_port(text: &str) -> Option<(&str, Option<&str>)> {
    let v6 = |host: &str| host.split('%').next().is_some_and(|host| host.parse::<Ipv6Addr>().is_ok());
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        let port = if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) };
        return (v6(host) && is_word(host, ":%._-")).then_some((host, port));
    }
    if v6(text) && is_word(text, ":%._-") {
        return Some((text, None));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    };
    is_word(host, "._-").then_some((host, port))
}

fn is_word(text: &str, also: &str) -> bool {
    let fit = |c: char| c.is_ascii_alphanumeric() || also.contains(c);
    !text.is_empty() && text.len() <= 253 && !text.starts_with('-') && text.chars().all(fit)
}

/// The key types that OpenSSH writes into `known_hosts` and that still count as safe.
const ALGORITHMS: [&str; 7] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

impl Text for HostKey {
    const WHAT: &'static str =
        "a public host key such as \"ssh-ed25519 AAAA…\" (`ssh-keyscan -t ed25519 HOST` shows it)";

    fn read(text: &str) -> Result<Self, Wrong> {
        let wrong = |why: &str| Wrong::new(Code::InvalidValue, why);
        let mut words = text.split_whitespace();
        let (Some(algorithm), Some(base64)) = (words.next(), words.next()) else {
            return Err(wrong("is not a key type and a key"));
        };
        if algorithm.starts_with("SHA256:") || base64.starts_with("SHA256:") {
            return Err(wrong("is a fingerprint, which a key cannot be made from"));
        }
        if !ALGORITHMS.contains(&algorithm) {
            return Err(wrong("does not begin with a key type that OpenSSH knows"));
        }
        let blob =
            STANDARD.decode(base64).map_err(|_| wrong("is not whole: its second word is not base64"))?;
        if !begins_with(&blob, algorithm) {
            return Err(wrong("is not whole: the key does not repeat its type"));
        }
        Ok(Self { algorithm: algorithm.to_owned(), base64: base64.to_owned() })
    }
}

/// Whether the blob begins with its type as RFC 4253, section 6.6 asks: four bytes of length, then the name.
fn begins_with(blob: &[u8], algorithm: &str) -> bool {
    let Some((length, rest)) = blob.split_first_chunk::<4>() else { return false };
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    length == algorithm.len() && rest.starts_with(algorithm.as_bytes()) && rest.len() > length
}
