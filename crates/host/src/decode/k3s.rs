//! What files and services say of k3s on one host.
//!
//! Owns: k3s's own rules of where configuration counts: arguments, then the environment, then files (k3s
//! documentation, "Configuration Options"). Must not: let a credential into a fact.

use std::collections::BTreeMap;

use model::{
    Role, Version,
    digest::Sha256,
    facts::{ConfigFact, ConfigSource, Datadir, K3sFacts, Ownership, ServiceInfo},
    resource::{Kind, ResourceId},
};
use spec::{cluster::ConfigValue, k3s as known};

use super::{ca, evidence::Evidence, facts::file::Looks};

pub(super) fn read(evidence: &Evidence, looks: &Looks, owned: Option<&Ownership>) -> K3sFacts {
    let services = services(evidence);
    let config = config(evidence, services.first());
    K3sFacts {
        binary: looks.k3s(),
        version: version(&evidence.word("version")),
        services: services.into_iter().map(|service| service.info(owned)).collect(),
        data: Datadir {
            etcd: evidence.has("etcd"),
            removed: evidence.has("removed"),
            sqlite: evidence.has("sqlite"),
            server_ca: authority(
                evidence,
                looks,
                "server_ca",
                "/var/lib/rancher/k3s/server/tls/server-ca.crt",
            ),
            agent_ca: authority(evidence, looks, "agent_ca", "/var/lib/rancher/k3s/agent/server-ca.crt"),
        },
        config,
        node_password: evidence.word("node-password").parse().ok(),
    }
}

/// Texts come in lines, so the size tells whether the last one had its end: the hash is one of bytes.
fn authority(evidence: &Evidence, looks: &Looks, index: &str, path: &str) -> Option<Sha256> {
    let text = evidence.bytes(path)?;
    let whole = looks.size(index).and_then(|size| usize::try_from(size).ok()) != Some(text.len() - 1);
    Some(ca::hash(if whole { text } else { &text[..text.len() - 1] }))
}

/// `k3s version v1.36.4+k3s1 (0a1b2c3d)`.
fn version(said: &str) -> Option<Version> {
    said.lines().next()?.split_whitespace().find_map(|word| word.parse().ok())
}

/// A service that runs k3s, as its file says.
struct Service {
    role: Role,
    name: String,
    path: String,
    arguments: Vec<String>,
}

impl Service {
    fn info(self, owned: Option<&Ownership>) -> ServiceInfo {
        let ours = owned.is_some_and(|owned| {
            owned.entries.contains_key(&ResourceId::new(Kind::File, self.path.as_str()))
        });
        let arguments = if ours { Vec::new() } else { without_secrets(&self.arguments) };
        ServiceInfo { role: self.role, name: self.name, arguments }
    }
}

/// Server before agent. A unit under /etc hides one of the same name elsewhere; drop-ins come after their unit.
fn services(evidence: &Evidence) -> Vec<Service> {
    let mut found: BTreeMap<String, Service> = BTreeMap::new();
    let places =
        ["/usr/lib/systemd/system/k3s", "/usr/local/lib/systemd/system/k3s", "/etc/systemd/system/k3s"];
    for place in places {
        for (path, text) in evidence.texts(place, ".service") {
            let name = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".service").to_owned();
            let drop_ins = evidence.texts(&format!("/etc/systemd/system/{name}.service.d/"), ".conf");
            let starts =
                drop_ins.iter().rev().map(|(_, text)| text).chain([&text]).find_map(|text| exec_start(text));
            if let Some((role, arguments)) = starts.and_then(|words| command(&words)) {
                found.insert(name.clone(), Service { role, name, path: path.to_owned(), arguments });
            }
        }
    }
    for (path, text) in evidence.texts("/etc/init.d/k3s", "") {
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        if let Some((role, arguments)) = openrc_command(&text) {
            found.entry(name.clone()).or_insert(Service { role, name, path: path.to_owned(), arguments });
        }
    }
    let mut services: Vec<_> = found.into_values().collect();
    services.sort_by(|a, b| (a.role, &a.name).cmp(&(b.role, &b.name)));
    services
}

/// The words of the last `ExecStart=`, over continued lines.
fn exec_start(unit: &str) -> Option<Vec<String>> {
    let unit = unit.replace("\\\n", " ");
    let value = unit.lines().filter_map(|line| line.trim().strip_prefix("ExecStart=")).next_back()?;
    Some(words(value.trim_start_matches(['-', '@', ':', '+', '!'])))
}

/// `command_args` of an init script, with quoted continuation lines as k3s's own script writes them.
fn openrc_command(script: &str) -> Option<(Role, Vec<String>)> {
    let start = script.find("command_args=")? + "command_args=".len();
    let rest = script[start..].trim_start();
    let value = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap_or_default(),
        None => rest.lines().next().unwrap_or_default(),
    };
    let mut words = vec!["k3s".to_owned()];
    words.extend(self::words(&value.replace("\\\n", " ")));
    command(&words)
}

/// Words as systemd and shell split them: blanks, quotes, backslashes.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            (_, Some(open)) if letter == open => quote = None,
            ('\\', open) if open != Some('\'') => word.get_or_insert_default().extend(letters.next()),
            ('"' | '\'', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (_, None) if letter.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// The role and what follows it, where this runs k3s.
fn command(words: &[String]) -> Option<(Role, Vec<String>)> {
    let at = words.iter().position(|word| word == "server" || word == "agent")?;
    let runs_k3s = words[..at].iter().any(|word| word == "k3s" || word.ends_with("/k3s"));
    let role = if words[at] == "server" { Role::Server } else { Role::Agent };
    runs_k3s.then(|| (role, words[at + 1..].iter().filter(|word| !word.starts_with('>')).cloned().collect()))
}

/// Arguments as pairs of key and value. A flag without `=` takes the next word unless it is a switch.
fn pairs(arguments: &[String]) -> Vec<(String, Option<String>)> {
    let mut pairs = Vec::new();
    let mut words = arguments.iter().peekable();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else { continue };
        if let Some((key, value)) = flag.split_once('=') {
            pairs.push((known::long(key).to_owned(), Some(value.to_owned())));
            continue;
        }
        let key = known::long(flag).to_owned();
        let switch = known::flag(&key).is_some_and(|flag| flag.kind == known::Kind::Bool);
        let value = if switch { None } else { words.next_if(|next| !next.starts_with('-')).cloned() };
        pairs.push((key, value));
    }
    pairs
}

/// The arguments again, one word each, secret values dropped.
fn without_secrets(arguments: &[String]) -> Vec<String> {
    let shown = |(key, value): (String, Option<String>)| match value {
        Some(value) if !is_secret(&key) => format!("--{key}={value}"),
        _ => format!("--{key}"),
    };
    pairs(arguments).into_iter().map(shown).collect()
}

/// A key that is not known may carry anything.
fn is_secret(key: &str) -> bool {
    let telling = ["token", "secret", "password", "access-key", "vpn-auth", "datastore-endpoint"];
    known::secret(key) || known::flag(key).is_none() && telling.iter().any(|part| key.contains(part))
}

fn config(evidence: &Evidence, service: Option<&Service>) -> BTreeMap<String, ConfigFact> {
    let mut merged = file_config(evidence);
    for (name, value) in environment(evidence, service) {
        if let Some((_, key)) = ENVIRONMENT.iter().find(|(known, _)| *known == name) {
            // It only fills what the files leave open.
            merged
                .entry((*key).to_owned())
                .or_insert_with(|| fact(key, ConfigSource::Environment, &ConfigValue::Text(value)));
        }
    }
    let mut arguments: BTreeMap<String, ConfigValue> = BTreeMap::new();
    for (key, value) in service.map(|service| pairs(&service.arguments)).unwrap_or_default() {
        let value = value.map_or(ConfigValue::Bool(true), |value| typed(&key, value));
        match (arguments.get_mut(&key), value) {
            (Some(ConfigValue::List(list)), ConfigValue::List(more)) => list.extend(more),
            (_, value) => drop(arguments.insert(key, value)),
        }
    }
    for (key, value) in arguments {
        let fact = fact(&key, ConfigSource::Argument, &value);
        merged.insert(key, fact);
    }
    merged
}

/// config.yaml and its drop-ins. A file that cannot be read counts as empty, as nothing of it can be relied on.
fn file_config(evidence: &Evidence) -> BTreeMap<String, ConfigFact> {
    let mut files = evidence.texts("/etc/rancher/k3s/config.yaml.d/", "");
    if let Some(text) = evidence.bytes("/etc/rancher/k3s/config.yaml") {
        files.insert(0, ("/etc/rancher/k3s/config.yaml", String::from_utf8_lossy(text).into_owned()));
    }
    let read: Vec<_> = files.iter().map(|(_, text)| known::read(text).unwrap_or_default()).collect();
    known::merge(&read)
        .into_iter()
        .map(|(key, setting)| {
            let path = setting.files.last().and_then(|index| files.get(*index)).map_or("", |(path, _)| path);
            let fact = fact(&key, ConfigSource::File(path.to_owned()), &setting.value);
            (key, fact)
        })
        .collect()
}

fn fact(key: &str, source: ConfigSource, value: &ConfigValue) -> ConfigFact {
    let json = match value {
        _ if is_secret(key) => None,
        ConfigValue::Bool(value) => Some(value.to_string()),
        ConfigValue::Int(value) => Some(value.to_string()),
        ConfigValue::Text(text) => serde_json::to_string(text).ok(),
        ConfigValue::List(items) => serde_json::to_string(items).ok(),
        ConfigValue::Secret(_) => None,
    };
    ConfigFact { source, value: json }
}

/// An argument's text by the type of its flag.
fn typed(key: &str, value: String) -> ConfigValue {
    match known::flag(key).map(|flag| flag.kind) {
        Some(known::Kind::Bool) => value.parse().map_or(ConfigValue::Text(value), ConfigValue::Bool),
        Some(known::Kind::Int) => value.parse().map_or(ConfigValue::Text(value), ConfigValue::Int),
        Some(known::Kind::List) => ConfigValue::List(vec![value]),
        _ => ConfigValue::Text(value),
    }
}

/// Variables that k3s takes instead of flags (its reference of `server` and `agent`).
const ENVIRONMENT: [(&str, &str); 20] = [
    ("K3S_URL", "server"),
    ("K3S_TOKEN", "token"),
    ("K3S_TOKEN_FILE", "token-file"),
    ("K3S_AGENT_TOKEN", "agent-token"),
    ("K3S_AGENT_TOKEN_FILE", "agent-token-file"),
    ("K3S_CLUSTER_INIT", "cluster-init"),
    ("K3S_DATASTORE_ENDPOINT", "datastore-endpoint"),
    ("K3S_DATASTORE_CAFILE", "datastore-cafile"),
    ("K3S_DATASTORE_CERTFILE", "datastore-certfile"),
    ("K3S_DATASTORE_KEYFILE", "datastore-keyfile"),
    ("K3S_DATA_DIR", "data-dir"),
    ("K3S_NODE_NAME", "node-name"),
    ("K3S_KUBECONFIG_OUTPUT", "write-kubeconfig"),
    ("K3S_KUBECONFIG_MODE", "write-kubeconfig-mode"),
    ("K3S_KUBECONFIG_GROUP", "write-kubeconfig-group"),
    ("K3S_SELINUX", "selinux"),
    ("K3S_RESOLV_CONF", "resolv-conf"),
    ("K3S_SYSTEM_DEFAULT_REGISTRY", "system-default-registry"),
    ("K3S_VPN_AUTH", "vpn-auth"),
    ("K3S_VPN_AUTH_FILE", "vpn-auth-file"),
];

/// What the service's environment files set; later files win.
fn environment(evidence: &Evidence, service: Option<&Service>) -> BTreeMap<String, String> {
    let Some(service) = service else { return BTreeMap::new() };
    let name = &service.name;
    let files = [
        format!("/etc/default/{name}"),
        format!("/etc/sysconfig/{name}"),
        format!("/etc/systemd/system/{name}.service.env"),
        format!("/etc/rancher/k3s/{name}.env"),
    ];
    let mut found = BTreeMap::new();
    for file in files {
        for line in evidence.text(&file).lines() {
            let line = line.trim().trim_start_matches("export ");
            if let Some((key, value)) = line.split_once('=').filter(|(key, _)| !key.starts_with('#')) {
                found.insert(key.trim().to_owned(), words(value).join(" "));
            }
        }
    }
    found
}
