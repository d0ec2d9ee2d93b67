//! The configuration file as it is written: its keys and the shapes of their values.
//!
//! Owns: names and shapes. Must not: judge values (`check` does).

use super::{
    Finding,
    yaml::{Node, Value, Word},
};

/// A value with its place.
#[derive(Debug)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) line: u64,
    pub(super) column: u64,
}

/// A text with its place.
pub(super) type Text = Placed<String>;

/// Something that a node may be. Whatever it is not becomes a finding, and `None`.
pub(super) trait Read: Sized {
    fn read(node: &Node, findings: &mut Vec<Finding>) -> Option<Self>;
}

fn find(line: u64, column: u64, what: String, cure: impl Into<String>, findings: &mut Vec<Finding>) {
    findings.push(Finding { line, column, what, cure: cure.into() });
}

fn wrong<T>(node: &Node, wanted: &str, findings: &mut Vec<Finding>) -> Option<T> {
    let found = match &node.value {
        Value::Word(text) if text.is_empty() => "nothing".to_owned(),
        Value::Word(text) => format!("`{text}`"),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a mapping".to_owned(),
    };
    find(
        node.line,
        node.column,
        format!("{found} stands where {wanted} is wanted"),
        format!("write {wanted}"),
        findings,
    );
    None
}

impl Read for Text {
    fn read(node: &Node, findings: &mut Vec<Finding>) -> Option<Text> {
        match &node.value {
            Value::Word(text) => Some(Placed { value: text.clone(), line: node.line, column: node.column }),
            _ => wrong(node, "a text", findings),
        }
    }
}

impl Read for bool {
    fn read(node: &Node, findings: &mut Vec<Finding>) -> Option<bool> {
        match &node.value {
            Value::Word(text) if text == "true" => Some(true),
            Value::Word(text) if text == "false" => Some(false),
            _ => wrong(node, "`true` or `false`", findings),
        }
    }
}

impl Read for Placed<u64> {
    fn read(node: &Node, findings: &mut Vec<Finding>) -> Option<Placed<u64>> {
        let number = match &node.value {
            Value::Word(text) => text.parse().ok(),
            _ => None,
        };
        match number {
            Some(value) => Some(Placed { value, line: node.line, column: node.column }),
            None => wrong(node, "a whole number", findings),
        }
    }
}

impl<T: Read> Read for Vec<T> {
    fn read(node: &Node, findings: &mut Vec<Finding>) -> Option<Vec<T>> {
        match &node.value {
            Value::List(items) => Some(items.iter().filter_map(|item| T::read(item, findings)).collect()),
            _ => wrong(node, "a list like `[one, two]`", findings),
        }
    }
}

impl<T: Read> Read for Placed<Vec<T>> {
    fn read(node: &Node, findings: &mut Vec<Finding>) -> Option<Placed<Vec<T>>> {
        Some(Placed { value: Vec::read(node, findings)?, line: node.line, column: node.column })
    }
}

/// Fields of a header rule: any names.
#[derive(Debug)]
pub(super) struct Named(pub(super) Vec<(String, Text)>);

impl Read for Named {
    fn read(node: &Node, findings: &mut Vec<Finding>) -> Option<Named> {
        let Value::Map(entries) = &node.value else {
            return wrong(node, "fields with their values", findings);
        };
        let entry = |(key, node): &(Word, Node)| Some((key.text.clone(), Text::read(node, findings)?));
        Some(Named(entries.iter().filter_map(entry).collect()))
    }
}

/// A mapping whose keys are known.
struct Keys<'n> {
    node: &'n Node,
    entries: &'n [(Word, Node)],
}

impl<'n> Keys<'n> {
    /// The mapping; keys that nobody knows become findings.
    fn of(node: &'n Node, known: &[&str], findings: &mut Vec<Finding>) -> Option<Keys<'n>> {
        let Value::Map(entries) = &node.value else {
            return wrong(node, &format!("a mapping of {}", known.join(", ")), findings);
        };
        for (key, _) in entries.iter().filter(|(key, _)| !known.contains(&key.text.as_str())) {
            let near = known
                .iter()
                .max_by(|one, other| likeness(&key.text, one).total_cmp(&likeness(&key.text, other)));
            let cure = match near {
                Some(near) if likeness(&key.text, near) > 0.75 => format!("write `{near}`"),
                _ => format!("use one of {}", known.join(", ")),
            };
            find(key.line, key.column, format!("there is no key `{}` here", key.text), cure, findings);
        }
        Some(Keys { node, entries })
    }

    fn may<T: Read>(&self, name: &str, findings: &mut Vec<Finding>) -> Option<T> {
        let (_, node) = self.entries.iter().find(|(key, _)| key.text == name)?;
        T::read(node, findings)
    }

    fn must<T: Read>(&self, name: &str, findings: &mut Vec<Finding>) -> Option<T> {
        if !self.entries.iter().any(|(key, _)| key.text == name) {
            find(
                self.node.line,
                self.node.column,
                format!("`{name}` is missing"),
                format!("add `{name}:`"),
                findings,
            );
        }
        self.may(name, findings)
    }
}

fn likeness(one: &str, other: &str) -> f64 {
    strsim::jaro_winkler(one, other)
}

/// A mapping with its keys: those before the semicolon must be there, the others may.
macro_rules! mapping {
    ($name:ident { $($must:ident: $must_be:ty),*; $($may:ident: $may_be:ty),* }) => {
        #[derive(Debug)]
        pub(super) struct $name {
            $(pub(super) $must: $must_be,)*
            $(pub(super) $may: Option<$may_be>,)*
        }

        impl Read for $name {
            fn read(node: &Node, findings: &mut Vec<Finding>) -> Option<$name> {
                let keys = Keys::of(node, &[$(stringify!($must),)* $(stringify!($may),)*], findings)?;
                // All are read before the first that is missing ends it, so that every finding comes at once.
                $(let $must = keys.must(stringify!($must), findings);)*
                $(let $may = keys.may(stringify!($may), findings);)*
                Some($name { $($must: $must?,)* $($may,)* })
            }
        }
    };
}

mapping!(File {
    sites: Placed<Vec<Site>>;
    listen: Vec<Text>, admin: Text, workers: Placed<u64>, access_log: bool, proxies: Vec<Text>, acme: Text,
    limits: Limits, cache: Cache, shutdown: Shutdown
});

mapping!(Limits {
    ;
    head: Text, target: Text, fields: Placed<u64>, connections: Placed<u64>, head_time: Text, idle: Text, stall: Text,
    streams: Placed<u64>
});

mapping!(Cache { ; memory: Text, file: Text, open_files: Placed<u64>, recheck: Text, compress: Text });

mapping!(Shutdown { ; wait: Text, grace: Text });

mapping!(Site {
    hosts: Placed<Vec<Text>>, root: Text;
    index: Vec<Text>, clean: bool, fallback: Text, not_found: Text, dotfiles: bool, headers: Vec<HeaderRule>,
    redirects: Vec<Redirect>, rewrites: Vec<Rewrite>
});

mapping!(HeaderRule { path: Text, set: Named; });

mapping!(Redirect { from: Text; to: Text, status: Placed<u64> });

mapping!(Rewrite { from: Text, to: Text; });
