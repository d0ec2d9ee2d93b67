//! Reading a section: known keys, required keys, and everything else.
//!
//! Owns: the `section!` declaration, the findings on keys, and "did you mean".

use serde_json::{Map, Value as Json, json};

use super::shape::{Field, Shape, field, title, wrong_type};
use crate::{
    diagnostic::{Code, Diagnostic, Sink, quote},
    yaml::{Entry, Node, Value},
};

/// A mapping with fixed keys, while it is read.
pub(crate) struct Reader<'a> {
    node: &'a Node,
    name: &'a str,
    entries: &'a [Entry],
    known: &'a [&'a str],
}

impl<'a> Reader<'a> {
    pub(crate) fn open(
        node: &'a Node,
        name: &'a str,
        known: &'a [&'a str],
        sink: &mut Sink<'_>,
    ) -> Option<Self> {
        if let Value::Map(entries) = &node.value {
            return Some(Self { node, name, entries, known });
        }
        wrong_type(node, name, "a mapping", sink);
        None
    }

    pub(crate) fn optional<T: Shape>(&self, key: &str, sink: &mut Sink<'_>) -> Field<T> {
        let entry = self.entries.iter().find(|entry| entry.key == key);
        match entry {
            Some(entry) => field(&entry.value, key, sink),
            // That it is misspelt is said once: it is not missing too.
            None if self.entries.iter().any(|entry| self.meant(entry) == Some(key)) => Field::Bad,
            None => Field::Absent,
        }
    }

    /// The known key that an unknown one is most likely a misspelling of.
    fn meant(&self, entry: &Entry) -> Option<&'a str> {
        let unknown = !self.known.contains(&entry.key.as_str());
        unknown.then(|| nearest(&entry.key, self.known.iter().copied())).flatten()
    }

    pub(crate) fn required<T: Shape>(&self, key: &str, sink: &mut Sink<'_>) -> Field<T> {
        let field = self.optional(key, sink);
        if !field.is_absent() {
            return field;
        }
        let message = format!("{} lacks the key `{key}`", title(self.name));
        let diagnostic = Diagnostic::error(Code::MissingKey, message).at(self.node.head, "");
        sink.push(diagnostic.help(format!("add `{key}:` with {}", T::WHAT)));
        Field::Bad
    }

    /// Reports every key that is not among the known ones.
    pub(crate) fn close(self, later: &[&str], sink: &mut Sink<'_>) {
        for entry in self.entries.iter().filter(|entry| !self.known.contains(&entry.key.as_str())) {
            if later.contains(&entry.key.as_str()) {
                let message = format!("`{}` is not part of this version of coracle", entry.key);
                let diagnostic = Diagnostic::error(Code::NotInThisVersion, message).at(entry.at, "");
                sink.push(diagnostic.help("remove it until a later version carries it out"));
            } else if !sink.full() {
                sink.push(self.unknown(entry));
            }
        }
    }

    fn unknown(&self, entry: &Entry) -> Diagnostic {
        let message = format!("{} has no key {}", title(self.name), quote(&entry.key));
        let diagnostic = Diagnostic::error(Code::UnknownKey, message).at(entry.at, "unknown");
        match self.meant(entry) {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help(format!("its keys are {}", self.known.join(", "))),
        }
    }
}

/// The candidate that the text is most likely a misspelling of.
pub(crate) fn nearest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if text.is_empty() || text.len() > 64 {
        return None;
    }
    let word = text.to_lowercase();
    let distance = |candidate: &str| strsim::damerau_levenshtein(&word, &candidate.to_lowercase());
    let (near, best) =
        candidates.map(|candidate| (candidate, distance(candidate))).min_by_key(|pair| pair.1)?;
    (best <= (text.len() / 3).max(1)).then_some(near)
}

/// A section's part of the JSON Schema: key, description, whether required, schema.
pub(crate) type Row = (&'static str, &'static str, bool, fn() -> Json);

pub(crate) fn object(about: &str, rows: &[Row]) -> Json {
    let mut properties = Map::new();
    for (key, about, _, schema) in rows {
        let mut schema = schema();
        if let Some(object) = schema.as_object_mut() {
            object.insert("description".into(), about.trim().into());
        }
        properties.insert((*key).into(), schema);
    }
    let required: Vec<_> = rows.iter().filter(|row| row.2).map(|row| row.0).collect();
    let mut object = json!({
        "type": "object",
        "description": about.trim(),
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

/// Declares a section: its struct, its decoder and its schema.
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        $name:ident { $( $(#[doc = $doc:literal])* $field:ident: $need:ident $key:literal $type:ty, )* }
        $(later [$($later:literal),*])?
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug)]
        #[allow(
            dead_code,
            clippy::doc_markdown,
            clippy::struct_field_names,
            reason = "some keys have one possible value; keys and descriptions are the file's, not ours"
        )]
        pub(crate) struct $name { $( $(#[doc = $doc])* pub $field: $crate::raw::Field<$type>, )* }

        impl $crate::raw::Shape for $name {
            const WHAT: &'static str = "a mapping";

            fn decode(
                node: &$crate::yaml::Node,
                key: &str,
                sink: &mut $crate::diagnostic::Sink<'_>,
            ) -> Option<Self> {
                let reader = $crate::raw::reader::Reader::open(node, key, &[$($key),*], sink)?;
                let section = Self { $($field: reader.$need($key, sink),)* };
                reader.close(&[$($($later),*)?], sink);
                Some(section)
            }

            fn schema() -> serde_json::Value {
                $crate::raw::reader::object(
                    concat!($($about),*),
                    &[$((
                        $key,
                        concat!($($doc),*),
                        stringify!($need) == "required",
                        <$type as $crate::raw::Shape>::schema,
                    )),*],
                )
            }
        }
    };
}
pub(crate) use section;
