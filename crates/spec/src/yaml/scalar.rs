//! Scalars, and what an unquoted one means by YAML 1.2's core schema.
//!
//! Owns: the rule that `yes`, `on` and `1:30` are text, and only `true`, `~` and numbers are not.

/// A scalar's text before its type is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scalar {
    pub text: String,
    /// Whether it stood without quotes, so that its text decides its type.
    pub bare: bool,
    /// Whether a variable was put in.
    pub variable: bool,
}

/// A scalar by its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plain<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// A number that is no 64-bit integer.
    Number,
    Text(&'a str),
}

impl Plain<'_> {
    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::Null => "empty",
            Self::Bool(_) => "true or false",
            Self::Int(_) | Self::Number => "a number",
            Self::Text(_) => "text",
        }
    }
}

impl Scalar {
    /// The value by its type.
    pub(crate) fn plain(&self) -> Plain<'_> {
        if !self.bare || self.variable && self.text.is_empty() {
            return Plain::Text(&self.text);
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Plain::Null,
            "true" | "True" | "TRUE" => Plain::Bool(true),
            "false" | "False" | "FALSE" => Plain::Bool(false),
            text => number(text).unwrap_or(Plain::Text(text)),
        }
    }
}

fn number(text: &str) -> Option<Plain<'static>> {
    let radix = |digits: &str, radix| i64::from_str_radix(digits, radix).map_or(Plain::Number, Plain::Int);
    let all = |digits: &str, radix| !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    if let Some(digits) = text.strip_prefix("0x").filter(|digits| all(digits, 16)) {
        return Some(radix(digits, 16));
    }
    if let Some(digits) = text.strip_prefix("0o").filter(|digits| all(digits, 8)) {
        return Some(radix(digits, 8));
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if all(unsigned, 10) {
        return Some(radix(text, 10));
    }
    (matches!(unsigned, ".inf" | ".Inf" | ".INF")
        || matches!(text, ".nan" | ".NaN" | ".NAN")
        || float(unsigned))
    .then_some(Plain::Number)
}

/// `[0-9]*(\.[0-9]*)?([eE][+-]?[0-9]+)?` with at least one digit before the exponent.
fn float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (text, None),
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    digits(whole)
        && digits(fraction)
        && whole.len() + fraction.len() > 0
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Plain<'_> {
        let scalar = Scalar { text: text.to_owned(), bare: true, variable: false };
        match scalar.plain() {
            Plain::Text(_) => Plain::Text(text),
            Plain::Null => Plain::Null,
            Plain::Bool(value) => Plain::Bool(value),
            Plain::Int(value) => Plain::Int(value),
            Plain::Number => Plain::Number,
        }
    }

    #[test]
    fn the_core_schema_decides_what_bare_words_are() {
        assert_eq!(plain("true"), Plain::Bool(true));
        assert_eq!(plain("~"), Plain::Null);
        assert_eq!(plain("-17"), Plain::Int(-17));
        assert_eq!(plain("0644"), Plain::Int(644));
        assert_eq!(plain("0o644"), Plain::Int(420));
        assert_eq!(plain("1.36"), Plain::Number);
        assert_eq!(plain("1e3"), Plain::Number);
        assert_eq!(plain("99999999999999999999"), Plain::Number);
        for text in ["yes", "off", "1.2.3", "1e", ".", "-", "v1", "10.0.0.1", "12:30"] {
            assert_eq!(plain(text), Plain::Text(text));
        }
    }
}
