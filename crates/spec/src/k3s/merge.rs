//! How k3s merges its configuration files.
//!
//! Owns: the rules by which config.yaml and the drop-ins of config.yaml.d become one set of keys: files in name
//! order, a later file replaces a key, `key+` adds to what is there. Must not: know which keys are allowed.

use std::{collections::BTreeMap, fmt};

use crate::{
    cluster::ConfigValue,
    diagnostic::{Lines, Sink},
    yaml::{self, Node, Plain, Value},
};

/// A key of the merged configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The value that k3s sees.
    pub value: ConfigValue,
    /// Indices of the files that the value comes from; more than one only where `key+` added to it.
    pub files: Vec<usize>,
}

/// Merges files that were read in k3s's order (config.yaml first, then the drop-ins by name).
pub fn merge(files: &[Vec<(String, ConfigValue)>]) -> BTreeMap<String, Setting> {
    let mut merged = BTreeMap::new();
    for (index, file) in files.iter().enumerate() {
        for (key, value) in file {
            if let Some(key) = key.strip_suffix('+') {
                append(merged.entry(super::long(key).to_owned()), value, index);
            } else {
                let setting = Setting { value: value.clone(), files: vec![index] };
                merged.insert(super::long(key).to_owned(), setting);
            }
        }
    }
    merged
}

fn append(entry: std::collections::btree_map::Entry<'_, String, Setting>, value: &ConfigValue, index: usize) {
    let setting =
        entry.or_insert_with(|| Setting { value: ConfigValue::List(Vec::new()), files: Vec::new() });
    let old = std::mem::replace(&mut setting.value, ConfigValue::List(Vec::new()));
    setting.value = ConfigValue::List([items(old), items(value.clone())].concat());
    setting.files.push(index);
}

fn items(value: ConfigValue) -> Vec<String> {
    match value {
        ConfigValue::List(items) => items,
        ConfigValue::Text(text) => vec![text],
        ConfigValue::Bool(value) => vec![value.to_string()],
        ConfigValue::Int(value) => vec![value.to_string()],
        ConfigValue::Secret(_) => Vec::new(),
    }
}

/// Why a k3s configuration file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong; a lowercase fragment.
    pub why: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "line {}: {}", self.line, self.why)
    }
}
impl std::error::Error for FileError {}

/// Reads one of k3s's configuration files into keys and values, in file order. No variables are put in, since k3s
/// knows none. An empty file has no keys; a key without a value is left out, as k3s does.
pub fn read(text: &str) -> Result<Vec<(String, ConfigValue)>, FileError> {
    let mut sink = Sink::new(text);
    let documents = yaml::load(text, &mut sink);
    if documents.is_empty() && sink.errors() <= 1 && text.lines().all(is_blank) {
        return Ok(Vec::new());
    }
    if let Some(first) = sink.finish().into_iter().next() {
        let line = first.position().map_or(1, |(line, _)| line);
        return Err(FileError { line, why: first.message });
    }
    let first = documents.into_iter().next().map(|tree| tree.node.value);
    let Some(Value::Map(entries)) = first else {
        return Err(FileError { line: 1, why: "the file is not a mapping of keys".to_owned() });
    };
    let pairs =
        entries.into_iter().map(|entry| Ok(value(&entry.value, text)?.map(|value| (entry.key, value))));
    pairs.filter_map(Result::transpose).collect()
}

fn is_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#') || matches!(line, "---" | "...")
}

fn value(node: &Node, text: &str) -> Result<Option<ConfigValue>, FileError> {
    match &node.value {
        Value::Scalar(scalar) => Ok(match scalar.plain() {
            Plain::Null => None,
            Plain::Bool(value) => Some(ConfigValue::Bool(value)),
            Plain::Int(value) => Some(ConfigValue::Int(value)),
            Plain::Number | Plain::Text(_) => Some(ConfigValue::Text(scalar.text.clone())),
        }),
        Value::List(nodes) => {
            let values = nodes.iter().map(|node| value(node, text)).collect::<Result<Vec<_>, _>>()?;
            Ok(Some(ConfigValue::List(values.into_iter().flatten().flat_map(items).collect())))
        }
        Value::Map(_) | Value::Broken => {
            let (line, _) = Lines::new(text).position(node.span.start);
            Err(FileError { line, why: "a mapping where k3s takes text or a list".to_owned() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_files_replace_and_a_plus_appends() {
        let files = [
            "token: boop\nnode-label: [foo=bar, bar=baz]\n",
            "write-kubeconfig-mode: 600\nnode-taint: [alice=bob:NoExecute]\n",
            "write-kubeconfig-mode: 777\nnode-label: [other=what, foo=three]\nnode-taint+: [charlie=delta:NoSchedule]\n",
        ];
        let files: Vec<_> = files.iter().map(|text| read(text).expect("a file k3s reads")).collect();
        let merged = merge(&files);
        let list = |items: &[&str]| ConfigValue::List(items.iter().map(|item| (*item).to_owned()).collect());
        assert_eq!(merged["token"].value, ConfigValue::Text("boop".to_owned()));
        assert_eq!(merged["write-kubeconfig-mode"].value, ConfigValue::Int(777));
        assert_eq!(merged["node-label"].value, list(&["other=what", "foo=three"]));
        assert_eq!(merged["node-taint"].value, list(&["alice=bob:NoExecute", "charlie=delta:NoSchedule"]));
        assert_eq!(merged["node-taint"].files, [1, 2]);
    }

    #[test]
    fn a_plain_key_after_a_plus_replaces_everything() {
        let files: Vec<_> = ["tls-san: [a]", "tls-san+: [b]", "tls-san: [c]"]
            .map(|text| read(text).expect("readable"))
            .into();
        assert_eq!(merge(&files)["tls-san"].value, ConfigValue::List(vec!["c".to_owned()]));
    }

    #[test]
    fn short_keys_are_their_long_ones() {
        let files = [read("t: x\nv: 2").expect("readable")];
        assert_eq!(merge(&files).into_keys().collect::<Vec<_>>(), ["token", "v"]);
    }

    #[test]
    fn empty_files_have_no_keys_and_broken_ones_a_line() {
        assert_eq!(read("# nothing\n---\n"), Ok(Vec::new()));
        assert_eq!(read("a: 1\nb: {c: d}\n").map_err(|error| error.line), Err(2));
        assert_eq!(read("a: 1\n b: 2\n").map_err(|error| error.line), Err(2));
        assert!(read("- a").is_err());
    }
}
