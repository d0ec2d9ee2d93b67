//! Words that no shell reads into, and keys that hold no blank.

use std::fmt::Write as _;

/// A shell word of exactly this text.
pub(super) fn word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:@%+,-".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Text as one field: bytes that are not plain become `\0ooo`, which `printf %b` reads back.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"_./:@%+=,~-".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "\\0{byte:03o}").expect("writing to a String cannot fail");
        }
    }
    out
}

/// The text behind an escaped field; what is no escape stands for itself.
pub(crate) fn unescape(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = octal(rest);
        out.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { &rest[5..] } else { tail };
    }
    out
}

fn octal(field: &[u8]) -> Option<u8> {
    let digits = field.strip_prefix(b"\\0")?.get(..3)?;
    let digits = std::str::from_utf8(digits).ok()?;
    u8::from_str_radix(digits, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_word_is_quoted_only_where_it_must_be() {
        assert_eq!(word("/etc/motd"), "/etc/motd");
        assert_eq!(word(""), "''");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word("~"), "'~'");
    }

    proptest! {
        #[test]
        fn escaping_is_undone_and_leaves_one_plain_field(text in any::<String>()) {
            let field = escape(&text);
            prop_assert!(field.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'|'));
            prop_assert_eq!(unescape(field.as_bytes()), text.as_bytes());
        }

        #[test]
        fn unescaping_takes_any_bytes(bytes in any::<Vec<u8>>()) {
            let _ = unescape(&bytes);
        }
    }
}
