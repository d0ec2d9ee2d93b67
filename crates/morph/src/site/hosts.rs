//! Which site a host name means.
//!
//! Owns: reading Host and matching it: exact, then the longest wildcard, then `*`. Must not: know what sites are.

use std::{borrow::Cow, collections::HashMap};

/// The names of all sites.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    exact: HashMap<Box<[u8]>, usize>,
    /// `.example.org` for `*.example.org`, longest first.
    endings: Vec<(Box<[u8]>, usize)>,
    other: Option<usize>,
}

impl Hosts {
    /// From the names of each site, in order.
    pub(super) fn new<'a>(sites: impl Iterator<Item = &'a [String]>) -> Hosts {
        let mut hosts = Hosts::default();
        for (index, names) in sites.enumerate() {
            for name in names {
                match name.strip_prefix('*') {
                    Some("") => hosts.other = Some(index),
                    Some(ending) => hosts.endings.push((ending.as_bytes().into(), index)),
                    None => _ = hosts.exact.insert(name.as_bytes().into(), index),
                }
            }
        }
        hosts.endings.sort_by_key(|(ending, _)| std::cmp::Reverse(ending.len()));
        hosts
    }

    /// The site of a name.
    pub(super) fn site(&self, name: &[u8]) -> Option<usize> {
        let by_ending =
            || self.endings.iter().find(|(ending, _)| name.ends_with(ending) && name.len() > ending.len());
        self.exact.get(name).copied().or_else(|| by_ending().map(|(_, index)| *index)).or(self.other)
    }
}

/// The name in a Host field or authority: lower case, without port and closing dot. The error is a field that is none.
pub(super) fn name(field: Option<&[u8]>) -> Result<Cow<'_, [u8]>, ()> {
    let field = field.unwrap_or_default().trim_ascii();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:[]~%!$&'()*+,;=".contains(byte);
    if !field.iter().all(is_name) {
        return Err(());
    }
    let end = if field.starts_with(b"[") {
        field.iter().position(|&byte| byte == b']').ok_or(())? + 1
    } else {
        field.iter().position(|&byte| byte == b':').unwrap_or(field.len())
    };
    let (name, port) = field.split_at(end);
    let is_port =
        |port: &[u8]| port.strip_prefix(b":").is_some_and(|digits| digits.iter().all(u8::is_ascii_digit));
    if !port.is_empty() && !is_port(port) {
        return Err(());
    }
    let name = name.strip_suffix(b".").unwrap_or(name);
    if name.iter().any(u8::is_ascii_uppercase) {
        return Ok(Cow::Owned(name.to_ascii_lowercase()));
    }
    Ok(Cow::Borrowed(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_particular_name_wins() {
        let sites = [
            vec!["*".to_owned()],
            vec!["*.a.org".to_owned()],
            vec!["*.b.a.org".to_owned()],
            vec!["x.b.a.org".to_owned()],
        ];
        let hosts = Hosts::new(sites.iter().map(Vec::as_slice));
        let site = |host: &str| hosts.site(&name(Some(host.as_bytes())).unwrap());
        assert_eq!(site("x.b.a.org:8080"), Some(3));
        assert_eq!(site("Y.B.A.org."), Some(2));
        assert_eq!(site("c.a.org"), Some(1));
        assert_eq!(site("a.org"), Some(0));
        assert_eq!(site("[::1]:80"), Some(0));
        assert_eq!(Hosts::new(sites[1..].iter().map(Vec::as_slice)).site(b"a.org"), None);
    }

    #[test]
    fn what_cannot_be_a_host_is_an_error() {
        assert!(
            name(Some(b"a/b")).is_err()
                && name(Some(b"a b")).is_err()
                && name(Some(b"a@b")).is_err()
                && name(Some(b"[::1")).is_err()
                && name(Some(b"[::1]a")).is_err()
                && name(Some(b"a:80a")).is_err()
                && name(Some(b"a:80:80")).is_err()
        );
        assert_eq!(name(None).as_deref(), Ok(&b""[..]));
    }
}
