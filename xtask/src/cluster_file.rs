//! The reference page of the cluster file, made from its JSON Schema: every section, every key, its type and meaning.
//!
//! Owns: how a schema reads as tables. Must not: know any key by name but `config`, whose keys are k3s's own.

use std::fmt::Write as _;

use serde_json::Value;

const HEAD: &str = "<!-- Made by `cargo run -p xtask -- docs`; changes here are lost. -->\n\n# The cluster file\n\n\
    Every key of every section. A key in **bold** is required. Wherever a value stands, `${NAME}` and `${NAME:-default}` take it \
    from the environment; `$$` is a dollar sign. An unknown key is an error, and so is a key twice. A file may hold several \
    documents, one cluster each.\n\nThe same as JSON Schema: [coracle.schema.json](coracle.schema.json).\n";

/// The page for a schema.
pub(crate) fn page(schema: &Value) -> String {
    let mut page = HEAD.to_owned();
    section("", schema, &mut page);
    page
}

fn section(path: &str, schema: &Value, page: &mut String) {
    let title = if path.is_empty() { "The document" } else { path };
    let words = schema["description"].as_str().unwrap_or_default();
    let _ = write!(page, "\n## {title}\n\n{words}\n\n| key | takes | meaning |\n|---|---|---|\n");
    let mut below = Vec::new();
    for (key, value) in keys(schema) {
        let bold = if is_required(schema, key) { "**" } else { "" };
        let place = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let meaning = value["description"].as_str().unwrap_or_default();
        let _ = writeln!(page, "| {bold}`{key}`{bold} | {} | {meaning} |", takes(key, &place, value));
        if key != "config" {
            inner(&place, value, &mut below);
        }
    }
    for (place, schema) in below {
        section(&place, schema, page);
    }
}

/// Required keys first, then by name.
fn keys(schema: &Value) -> Vec<(&String, &Value)> {
    let mut keys: Vec<_> = schema["properties"].as_object().into_iter().flatten().collect();
    keys.sort_by_key(|(key, _)| (!is_required(schema, key), key.as_str()));
    keys
}

fn is_required(schema: &Value, key: &str) -> bool {
    schema["required"].as_array().is_some_and(|names| names.iter().any(|name| name == key))
}

/// The sections that stand below a key, with their places.
fn inner<'a>(place: &str, schema: &'a Value, found: &mut Vec<(String, &'a Value)>) {
    if schema["properties"].is_object() && !is_reference(schema) {
        found.push((place.to_owned(), schema));
    }
    if schema["items"].is_object() {
        inner(&format!("{place}[]"), &schema["items"], found);
    }
    for choice in choices(schema) {
        inner(place, choice, found);
    }
}

/// A secret is written as one of two keys, which a table of their own would only hide.
fn is_reference(schema: &Value) -> bool {
    schema["maxProperties"] == 1 && schema["properties"]["env"].is_object()
}

fn choices(schema: &Value) -> impl Iterator<Item = &Value> {
    schema["anyOf"].as_array().into_iter().flatten().filter(|choice| choice["$ref"].is_null())
}

/// What a key takes, in words.
fn takes(key: &str, place: &str, schema: &Value) -> String {
    if key == "config" {
        return "mapping of k3s keys".to_owned();
    }
    if let Some(word) = schema["const"].as_str() {
        return format!("`{word}`");
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().map(|word| format!("`{}`", plain(word))).collect::<Vec<_>>().join(", ");
    }
    let choices: Vec<_> = choices(schema).map(|choice| takes(key, place, choice)).collect();
    if !choices.is_empty() {
        return choices.join(" or ");
    }
    if is_reference(schema) {
        return "`{env: NAME}` or `{file: PATH}`".to_owned();
    }
    if schema["properties"].is_object() {
        return format!("[mapping](#{})", anchor(place));
    }
    match &schema["type"] {
        Value::Array(types) => {
            types.iter().map(|kind| scalar(&plain(kind)).to_owned()).collect::<Vec<_>>().join(" or ")
        }
        Value::String(kind) if kind == "array" => {
            format!("list of {}", takes(key, &format!("{place}[]"), &schema["items"]))
        }
        Value::String(kind) if kind == "object" => "mapping of names to values".to_owned(),
        kind => scalar(&plain(kind)).to_owned(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn scalar(kind: &str) -> &'static str {
    match kind {
        "boolean" => "true or false",
        "integer" | "number" => "number",
        _ => "text",
    }
}

/// The anchor that mdBook and forges give a heading.
pub(crate) fn anchor(heading: &str) -> String {
    let joined = heading.to_lowercase().replace(' ', "-");
    joined.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn required_keys_stand_first_and_sections_follow_their_table() {
        let schema = serde_json::json!({
            "description": "A thing.",
            "required": ["name"],
            "properties": {
                "list": {"type": "array", "items": {"properties": {"on": {"type": "boolean"}}}, "description": "Many."},
                "name": {"anyOf": [{"enum": ["a", "b"]}, {"$ref": "#/$defs/variable"}], "description": "Which."},
            },
        });
        let page = page(&schema);
        let expected = "## The document\n\nA thing.\n\n| key | takes | meaning |\n|---|---|---|\n\
            | **`name`** | `a`, `b` | Which. |\n| `list` | list of [mapping](#list) | Many. |\n\n\
            ## list[]\n\n\n\n| key | takes | meaning |\n|---|---|---|\n| `on` | true or false |  |\n";
        assert!(page.ends_with(expected), "{page}");
    }
}
