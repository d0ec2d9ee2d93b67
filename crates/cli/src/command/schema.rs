//! `coracle schema`.

use crate::{
    failure::{Ending, Failure},
    output,
};

/// Print the JSON Schema of the cluster file, for editors
///
/// Editors that know yaml-language-server use it through the first line of the file: write
/// `# yaml-language-server: $schema=./coracle.schema.json` there and the schema into that file.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {}

pub(crate) fn run() -> Result<Ending, Failure> {
    let schema = serde_json::to_string_pretty(&spec::schema()).expect("a schema always serialises");
    output::to_stdout(&(schema + "\n"))?;
    Ok(Ending::Done)
}
