//! What a simulated k3s reads at its start: configuration files, arguments, and the files that they name.
//!
//! Owns: the effective settings of one service on one machine. Must not: judge them.

use std::collections::BTreeMap;

use model::{
    SecretRef,
    facts::{ConfigFact, ConfigSource},
};
use spec::{
    cluster::ConfigValue,
    k3s::{Kind, flag, long, merge, read},
};

use super::files;
use crate::host::Machine;

/// One key of the merged files.
#[derive(Clone, Debug, PartialEq)]
struct Setting {
    value: ConfigValue,
    /// The last file that the value comes from.
    file: String,
}

type Pairs = Vec<(String, ConfigValue)>;

/// The merged configuration files. Files that k3s could not read are left out.
fn merged(machine: &Machine) -> BTreeMap<String, Setting> {
    let (paths, contents): (Vec<_>, Vec<_>) =
        read_files(machine).into_iter().map(|(path, pairs)| (path, pairs.unwrap_or_default())).unzip();
    let setting = |setting: spec::k3s::Setting| {
        let file = setting.files.last().map(|index| paths[*index].clone()).unwrap_or_default();
        Setting { value: setting.value, file }
    };
    merge(&contents).into_iter().map(|(key, value)| (key, setting(value))).collect()
}

fn read_files(machine: &Machine) -> Vec<(String, Result<Pairs, String>)> {
    let is_yaml = |path: &&String| {
        let end = std::path::Path::new(path.as_str()).extension();
        end.is_some_and(|end| end == "yaml" || end == "yml")
    };
    let dropins = machine.disk.below(files::CONFIG_DIR).filter(is_yaml).cloned();
    std::iter::once(files::CONFIG.to_owned())
        .filter(|path| machine.disk.has(path))
        .chain(dropins)
        .map(|path| {
            let pairs = match machine.disk.text(&path) {
                Some(text) => read(&text).map_err(|error| format!("{path}: {error}")),
                None => Ok(told(machine, &path)),
            };
            (path, pairs)
        })
        .collect()
}

/// What facts told of a file whose content is not known.
fn told(machine: &Machine, path: &str) -> Pairs {
    let from_here = |source: &ConfigSource| matches!(source, ConfigSource::File(file) if file == path);
    machine
        .told_config
        .iter()
        .filter(|(_, fact)| from_here(&fact.source))
        .map(|(key, fact)| (key.clone(), value_of(fact.value.as_deref())))
        .collect()
}

fn value_of(json: Option<&str>) -> ConfigValue {
    use serde_json::Value;
    let unknown = || ConfigValue::Secret(SecretRef::File(super::NOT_KNOWN.to_owned()));
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match json.and_then(|json| serde_json::from_str::<Value>(json).ok()) {
        None | Some(Value::Null) => unknown(),
        Some(Value::Bool(value)) => ConfigValue::Bool(value),
        Some(Value::Array(values)) => ConfigValue::List(values.iter().map(word).collect()),
        Some(value) => value.as_i64().map_or_else(|| ConfigValue::Text(word(&value)), ConfigValue::Int),
    }
}

/// A value as JSON text; `None` for what must not be seen or is not known.
fn to_json(value: &ConfigValue) -> Option<String> {
    use serde_json::Value;
    let value = match value {
        ConfigValue::Bool(value) => Value::from(*value),
        ConfigValue::Int(value) => Value::from(*value),
        ConfigValue::Text(text) => Value::from(text.as_str()),
        ConfigValue::List(items) => Value::from(items.as_slice()),
        ConfigValue::Secret(_) => return None,
    };
    Some(value.to_string())
}

/// The effective settings of a service: files, then arguments over them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings(BTreeMap<String, ConfigValue>);

/// A value that may be secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// Not given.
    Unset,
    /// Given, but facts did not tell it.
    Unknown,
    /// Given.
    Known(String),
}

impl Settings {
    /// Reads as k3s does at its start; the error is k3s's last word.
    pub(crate) fn read(machine: &Machine, service: &str) -> Result<Self, String> {
        let mut contents = Vec::new();
        for (_, pairs) in read_files(machine) {
            contents.push(pairs?);
        }
        let mut settings: BTreeMap<_, _> =
            merge(&contents).into_iter().map(|(key, setting)| (key, setting.value)).collect();
        let outside = |source: &ConfigSource| !matches!(source, ConfigSource::File(_));
        if super::has_unit_text(machine, service) {
            settings.extend(arguments(&super::arguments_of(machine, service)));
        } else {
            let told = machine.told_config.iter().filter(|(_, fact)| outside(&fact.source));
            settings.extend(told.map(|(key, fact)| (key.clone(), value_of(fact.value.as_deref()))));
        }
        Ok(Self(settings))
    }

    pub(crate) fn text(&self, key: &str) -> Option<String> {
        match self.0.get(key)? {
            ConfigValue::Bool(value) => Some(value.to_string()),
            ConfigValue::Int(value) => Some(value.to_string()),
            ConfigValue::Text(text) => Some(text.clone()),
            ConfigValue::List(items) => items.last().cloned(),
            ConfigValue::Secret(_) => None,
        }
    }

    /// A repeatable flag's values; those that k3s splits at commas are split.
    pub(crate) fn list(&self, key: &str) -> Vec<String> {
        let items = match self.0.get(key) {
            Some(ConfigValue::List(items)) => items.clone(),
            _ => self.text(key).into_iter().collect(),
        };
        items.iter().flat_map(|item| item.split(',')).map(|item| item.trim().to_owned()).collect()
    }

    pub(crate) fn yes(&self, key: &str) -> bool {
        self.text(key).is_some_and(|text| text == "true")
    }

    /// A value that facts may not have told.
    pub(crate) fn word(&self, key: &str) -> Word {
        match self.0.get(key) {
            None => Word::Unset,
            Some(ConfigValue::Secret(_)) => Word::Unknown,
            Some(_) => self.text(key).map_or(Word::Unset, Word::Known),
        }
    }

    /// The secret that `key` holds or that the file named by `key-file` holds.
    pub(crate) fn secret(&self, machine: &Machine, key: &str) -> Result<Word, String> {
        match self.word(key) {
            Word::Unset => {}
            given => return Ok(given),
        }
        let Some(path) = self.text(&format!("{key}-file")) else { return Ok(Word::Unset) };
        let Some(blob) = machine.disk.file(&path) else {
            return Err(format!("open {path}: no such file or directory"));
        };
        Ok(blob.text().map_or(Word::Unknown, |text| Word::Known(text.trim_end_matches('\n').to_owned())))
    }
}

/// Command-line flags as keys and values, by the type of each flag; a list flag that is given several times adds up.
fn arguments(words: &[String]) -> BTreeMap<String, ConfigValue> {
    let mut found: BTreeMap<String, ConfigValue> = BTreeMap::new();
    for (key, value) in pairs(words) {
        let value = value.map_or(ConfigValue::Bool(true), |value| typed(&key, value));
        match (found.get_mut(&key), value) {
            (Some(ConfigValue::List(items)), ConfigValue::List(more)) => items.extend(more),
            (_, value) => {
                found.insert(key, value);
            }
        }
    }
    found
}

fn pairs(words: &[String]) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let Some(name) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else { continue };
        if let Some((key, value)) = name.split_once('=') {
            found.push((long(key).to_owned(), Some(value.to_owned())));
            continue;
        }
        let switch = flag(long(name)).is_some_and(|flag| flag.kind == Kind::Bool);
        let value = if switch { None } else { words.next_if(|next| !next.starts_with('-')).cloned() };
        found.push((long(name).to_owned(), value));
    }
    found
}

fn typed(key: &str, value: String) -> ConfigValue {
    match flag(key).map(|flag| flag.kind) {
        Some(Kind::Bool) => value.parse().map_or(ConfigValue::Text(value), ConfigValue::Bool),
        Some(Kind::Int) => value.parse().map_or(ConfigValue::Text(value), ConfigValue::Int),
        Some(Kind::List) => ConfigValue::List(vec![value]),
        _ => ConfigValue::Text(value),
    }
}

/// Arguments as facts show them: one word each, values of secret flags dropped.
pub(crate) fn without_secrets(words: &[String]) -> Vec<String> {
    let shown = |(key, value): (String, Option<String>)| match value {
        Some(value) if !is_secret(&key) => format!("--{key}={value}"),
        _ => format!("--{key}"),
    };
    pairs(words).into_iter().map(shown).collect()
}

/// Whether a key's value is a credential; one that is not known may be.
pub(crate) fn is_secret(key: &str) -> bool {
    let telling = ["token", "secret", "password", "access-key", "vpn-auth", "datastore-endpoint"];
    match flag(key) {
        Some(flag) => flag.secret,
        None => telling.iter().any(|part| key.contains(part)),
    }
}

/// What facts say of the merged configuration: files, and over them the arguments of the first service.
pub(crate) fn facts(machine: &Machine) -> BTreeMap<String, ConfigFact> {
    let fact = |key: &str, source: ConfigSource, value: &ConfigValue| ConfigFact {
        source,
        value: to_json(value).filter(|_| !is_secret(key)),
    };
    let mut facts: BTreeMap<_, _> = merged(machine)
        .into_iter()
        .map(|(key, Setting { value, file })| {
            let fact = fact(&key, ConfigSource::File(file), &value);
            (key, fact)
        })
        .collect();
    // What facts told of arguments and environment stands for units whose text is not known.
    let elsewhere = |fact: &ConfigFact| !matches!(fact.source, ConfigSource::File(_));
    let service = machine.k3s_services().into_iter().next();
    if let Some(service) = service.filter(|service| super::has_unit_text(machine, service)) {
        for (key, value) in arguments(&super::arguments_of(machine, &service)) {
            facts.insert(key.clone(), fact(&key, ConfigSource::Argument, &value));
        }
    } else {
        let told = machine.told_config.iter().filter(|(_, fact)| elsewhere(fact));
        facts.extend(told.map(|(key, fact)| (key.clone(), fact.clone())));
    }
    facts
}
