//! Values of k3s keys: their type, and what k3s refuses beyond it.

use std::net::IpAddr;

use super::{View, arguments::texts, ranges};
use crate::{
    cluster::{ConfigValue, Version},
    diagnostic::{Code, Diagnostic, Sink, quote},
    k3s::{self, Flag, Kind},
    name::DnsName,
    raw::secret,
    yaml::{Node, Plain, Value},
};

/// The value by the flag's type; on `None` the sink has been told why.
pub(super) fn check(
    view: &View<'_>,
    flag: &Flag,
    node: &Node,
    version: &Version,
    sink: &mut Sink<'_>,
) -> Option<ConfigValue> {
    if node.value == Value::Broken {
        return None;
    }
    if flag.secret {
        return secret(node, flag.key, sink).map(ConfigValue::Secret);
    }
    let Some(value) = typed(flag.kind, node) else {
        sink.push(mistyped(flag, node));
        return None;
    };
    for text in texts(node) {
        if let Err(why) = content(view, flag, text, version) {
            let message = format!("`{}`: {} {why}", flag.key, quote(text));
            let diagnostic = Diagnostic::error(Code::K3sKeyValue, message).at(node.span, "");
            sink.push(diagnostic.help("write a value that k3s takes, or remove the key"));
            return None;
        }
    }
    Some(value)
}

fn typed(kind: Kind, node: &Node) -> Option<ConfigValue> {
    let plain = match &node.value {
        Value::Scalar(scalar) => Some(scalar.plain()),
        Value::List(_) | Value::Map(_) | Value::Broken => None,
    };
    match (kind, plain) {
        (Kind::Bool, Some(Plain::Bool(value))) => Some(ConfigValue::Bool(value)),
        (Kind::Int, Some(Plain::Int(value))) => Some(ConfigValue::Int(value)),
        (Kind::Text | Kind::Duration | Kind::OneOf(_), Some(Plain::Text(text))) => {
            Some(ConfigValue::Text(text.to_owned()))
        }
        (Kind::List, Some(Plain::Text(text))) => Some(ConfigValue::List(vec![text.to_owned()])),
        (Kind::List, None) => list(node),
        _ => None,
    }
}

fn list(node: &Node) -> Option<ConfigValue> {
    let Value::List(items) = &node.value else { return None };
    let text = |item: &Node| match &item.value {
        Value::Scalar(scalar) => match scalar.plain() {
            Plain::Text(text) => Some(text.to_owned()),
            _ => None,
        },
        _ => None,
    };
    items.iter().map(text).collect::<Option<Vec<_>>>().map(ConfigValue::List)
}

fn mistyped(flag: &Flag, node: &Node) -> Diagnostic {
    let want = match flag.kind {
        Kind::Bool => "true or false".to_owned(),
        Kind::Int => "a whole number".to_owned(),
        Kind::Text => "text; put it in quotes".to_owned(),
        Kind::Duration => "a duration such as 5m".to_owned(),
        Kind::OneOf(words) => format!("one of {}", words.join(", ")),
        Kind::List => "a list of texts; put each in quotes".to_owned(),
    };
    let what = match &node.value {
        Value::List(_) if flag.kind == Kind::List => "a list with other things than texts",
        _ => node.what(),
    };
    let message = format!("k3s's `{}` does not take {what}", flag.key);
    let at = if matches!(node.value, Value::Scalar(_)) && node.span.start < node.span.end {
        node.span
    } else {
        node.head
    };
    Diagnostic::error(Code::K3sKeyType, message).at(at, "").help(format!("write {want}"))
}

/// What k3s refuses of a text; on `Err` why, continuing the text.
fn content(view: &View<'_>, flag: &Flag, text: &str, version: &Version) -> Result<(), String> {
    match (flag.kind, flag.key) {
        (Kind::OneOf(words), _) if !words.contains(&text) => {
            Err(format!("is not one of {}", words.join(", ")))
        }
        (Kind::Duration, _) if !is_duration(text) => Err("is not a duration such as 5m or 1h30m".to_owned()),
        (_, key) if key.ends_with("-arg") => argument(text),
        (_, "tls-san") => san(text, version),
        (_, "cluster-dns") => cluster_dns(view, text),
        (_, "cluster-domain") => text.parse::<DnsName>().map(|_| ()),
        _ => Ok(()),
    }
}

fn argument(text: &str) -> Result<(), String> {
    match text.chars().next() {
        None => Err("is empty".to_owned()),
        Some('-') => Err("begins with a dash; write key=value".to_owned()),
        Some(_) => Ok(()),
    }
}

fn san(text: &str, version: &Version) -> Result<(), String> {
    if let Some(name) = text.strip_prefix("*.") {
        if !k3s::since(k3s::WILDCARD_SAN, version) {
            return Err(format!("is a wildcard, which k3s {version} does not take yet"));
        }
        return name.parse::<DnsName>().map(|_| ());
    }
    if text.parse::<IpAddr>().is_ok() { Ok(()) } else { text.parse::<DnsName>().map(|_| ()) }
}

fn cluster_dns(view: &View<'_>, text: &str) -> Result<(), String> {
    for part in text.split(',') {
        let address: IpAddr = part.trim().parse().map_err(|_| "is not an IP address".to_owned())?;
        if !ranges::services(view).is_none_or(|ranges| ranges.iter().any(|range| range.contains(&address))) {
            return Err("does not lie in `serviceCidr`".to_owned());
        }
    }
    Ok(())
}

/// Go's duration: one or more numbers with units, such as `1h30m` or `1.5s`.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let unit = ["ns", "us", "µs", "ms", "s", "m", "h"].iter().rev().find(|unit| {
            digits.strip_prefix(**unit).is_some_and(|after| !after.starts_with(|c: char| c.is_alphabetic()))
        });
        let (Some(unit), true) = (unit, digits.len() < rest.len()) else { return false };
        rest = &digits[unit.len()..];
    }
    !text.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for text in ["5m", "1h30m", "1.5s", "300ms", "10us"] {
            assert!(is_duration(text), "{text}");
        }
        for text in ["", "5", "m", "5 m", "5minutes", "-5m"] {
            assert!(!is_duration(text), "{text}");
        }
    }
}
