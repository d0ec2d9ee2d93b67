//! The JSON Schema of the cluster file, for editors.
//!
//! Owns: the frame. The sections describe themselves where they are declared, so the schema knows exactly the keys
//! that the decoder reads. It judges shape only: rules between fields are for `coracle check`.

use serde_json::{Value, json};

use crate::raw::{Document, Shape};

/// The JSON Schema (2020-12) of one document of the cluster file.
pub fn schema() -> Value {
    let mut schema = Document::schema();
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("coracle cluster file");
    schema["$defs"] = json!({
        "variable": {
            "type": "string",
            "pattern": "\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\\}",
            "description": "Text with a variable, ${NAME} or ${NAME:-default}.",
        },
    });
    schema
}
