//! The schema and the decoder agree on shape.
#![expect(clippy::disallowed_methods, reason = "only the tests of a pure crate read files: their fixtures")]

use std::{fs, path::Path};

use jsonschema::Validator;
use serde_json::{Map, Value as Json};

/// Codes that speak of shape alone, so that an editor with the schema sees them too.
const SHAPE: [&str; 4] = ["unknown-key", "missing-key", "wrong-type", "unknown-value"];

fn validator() -> Validator {
    jsonschema::validator_for(&spec::schema()).expect("a schema of draft 2020-12")
}

/// Our own reader of YAML would hide its own faults here, so this is the plainest translation of the parser's events.
fn documents(text: &str) -> Vec<Json> {
    use granit_parser::{Event, Parser};
    let mut events = Parser::new_from_str(text).map(|event| event.expect("YAML").0);
    let mut documents = Vec::new();
    while let Some(event) = events.next() {
        if let Event::DocumentStart(..) = event {
            documents.push(value(&mut events));
        }
    }
    documents
}

fn value<'a>(events: &mut impl Iterator<Item = granit_parser::Event<'a>>) -> Json {
    use granit_parser::Event;
    match events.next().expect("an event") {
        Event::Comment(..) => value(events),
        Event::Scalar(text, style, ..) => scalar(&text, style == granit_parser::ScalarStyle::Plain),
        Event::SequenceStart(..) => {
            let mut items = Vec::new();
            loop {
                match value(events) {
                    Json::String(end) if end == END => return items.into(),
                    item => items.push(item),
                }
            }
        }
        Event::MappingStart(..) => {
            let mut map = Map::new();
            loop {
                match value(events) {
                    Json::String(end) if end == END => return map.into(),
                    key => map.insert(key.as_str().map_or(key.to_string(), str::to_owned), value(events)),
                };
            }
        }
        _ => END.into(),
    }
}

const END: &str = "\u{0}end";

fn scalar(text: &str, plain: bool) -> Json {
    match text {
        "~" | "" if plain => Json::Null,
        _ if plain => text
            .parse::<bool>()
            .map(Json::from)
            .or(text.parse::<i64>().map(Json::from))
            .unwrap_or(text.into()),
        _ => text.into(),
    }
}

fn files(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry").path());
    let yaml = entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    yaml.filter_map(|path| Some((path.display().to_string(), fs::read_to_string(&path).ok()?))).collect()
}

#[test]
fn the_schema_accepts_every_valid_file() {
    let validator = validator();
    for (name, text) in [files("../../examples"), files("tests/valid")].concat() {
        for document in documents(&text) {
            let errors: Vec<_> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{name}: {errors:?}");
        }
    }
}

#[test]
fn the_schema_rejects_what_the_decoder_rejects_on_shape() {
    let validator = validator();
    for code in SHAPE {
        let (name, text) = files("tests/wrong")
            .into_iter()
            .find(|(name, _)| name.ends_with(&format!("/{code}.yaml")))
            .expect("a file");
        assert!(!validator.is_valid(&documents(&text)[0]), "{name}");
    }
}

/// Each wrong line alone, put into a file that is right but for it.
#[test]
fn the_schema_rejects_each_single_fault_of_shape() {
    let validator = validator();
    let file = |spec: &str| {
        format!(
            "apiVersion: coracle.dev/v1alpha1\nkind: Cluster\nmetadata: {{name: a}}\nspec:\n  nodes: [{{ssh: a}}]\n  {spec}\n"
        )
    };
    let faults = [
        "ingress: {}",
        "domain: 5",
        "kubernetes: {distribution: vanilla}",
        "kubernetes: {version: 1.36}",
        "kubernetes: {disable: traefik}",
        "kubernetes: {datastore: {external: {endpoint: text}}}",
        "kubernetes: {config: {debug: 5}}",
        "kubernetes: {config: {token: x}}",
        "kubernetes: {config: {kubelet-args: [x]}}",
        "kubernetes: {config: {etcd-s3-secret-key: x}}",
        "network: {firewall: {}}",
        "network: {nodeNetwork: {wireguard: {}}}",
        "network: {flannelBackend: ipsec}",
        "os: {files: [{content: x}]}",
        "os: {files: [{path: /a, content: x, mode: 644}]}",
        "os: {files: [{path: /a, secret: {env: A, file: b}}]}",
        "os: {services: [cron]}",
        "os: {sshd: {permitRootLogin: maybe}}",
        "artifacts: {source: mirror}",
    ];
    assert!(validator.is_valid(&documents(&file("domain: example.org"))[0]));
    for fault in faults {
        let text = file(fault);
        assert!(!validator.is_valid(&documents(&text)[0]), "the schema accepts {fault}");
        assert!(spec::parse(&text, &|_| None).has_errors(), "the decoder accepts {fault}");
    }
}

#[test]
fn every_key_of_the_schema_is_described() {
    fn walk(schema: &Json, path: &str, missing: &mut Vec<String>) {
        for (key, child) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{key}");
            if child["description"].as_str().is_none_or(str::is_empty) && !path.contains(".config.") {
                missing.push(path.clone());
            }
            walk(child, &path, missing);
        }
        walk_items(schema, path, missing);
    }
    fn walk_items(schema: &Json, path: &str, missing: &mut Vec<String>) {
        if schema["items"].is_object() {
            walk(&schema["items"], path, missing);
        }
        for child in schema["anyOf"].as_array().into_iter().flatten() {
            walk(child, path, missing);
        }
    }
    let mut missing = Vec::new();
    walk(&spec::schema(), "", &mut missing);
    assert!(missing.is_empty(), "{missing:?}");
}
