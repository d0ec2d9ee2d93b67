//! The parser's complaints in our own words.

use granit_parser::{ErrorKind, ScanError};

use crate::diagnostic::{Code, Diagnostic, Span};

/// What the parser stumbled over, with the place and, where it is known, the way out.
pub(super) fn complaint(error: &ScanError, text: &str, base: usize) -> Diagnostic {
    let start = text.floor_char_boundary(base + error.marker().byte_offset().unwrap_or_default());
    let (code, message, help) = words(error);
    let help = help
        .or_else(|| in_brackets(text, start))
        .unwrap_or("mend it, or put text with special characters in quotes");
    let diagnostic = Diagnostic::error(code, message).at(Span { start, end: start + 1 }, "");
    diagnostic.help(help)
}

/// A bare `${` inside brackets opens a mapping of its own.
fn in_brackets(text: &str, at: usize) -> Option<&'static str> {
    let line = text[..at].rsplit('\n').next()?;
    line.contains("${").then_some("put values with `${…}` in quotes inside of [ ] and { }")
}

fn words(error: &ScanError) -> (Code, String, Option<&'static str>) {
    use ErrorKind as E;
    let syntax = |message: &str, help| (Code::YamlSyntax, message.to_owned(), Some(help));
    match error.kind() {
        E::RecursionLimitExceeded => {
            (Code::TooLarge, "nested deeper than 32 levels".to_owned(), Some("remove levels"))
        }
        E::DirectiveDisallowed => {
            (Code::YamlUnsupported, "YAML directives are not used here".to_owned(), Some("remove the line"))
        }
        E::TabNotAllowed
        | E::TabInBlockIndentation
        | E::TabInIndentation
        | E::TabInPlainScalar
        | E::TabAtBlockScalarStart => syntax("a tab where only blanks may stand", "indent with blanks"),
        E::UnclosedQuotedScalar => syntax("a quote is not closed", "add the closing quote"),
        E::UnclosedFlowCollection { .. } | E::UnexpectedEofFlowSequence | E::UnexpectedEofFlowMapping => {
            syntax("a bracket is not closed", "add the closing `]` or `}`")
        }
        E::InvalidIndentation => {
            syntax("this line's indentation fits no line above", "align it with its neighbours")
        }
        E::MappingValueNotAllowed => {
            syntax("a `:` where no key can be", "put text that holds `: ` in quotes, or mend the indentation")
        }
        E::SimpleKeyExpected => syntax("a line without `:`", "write `key: value`"),
        _ => (Code::YamlSyntax, error.info(), None),
    }
}
