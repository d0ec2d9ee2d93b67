//! Patterns for paths, and templates for what they become.
//!
//! Owns: `*` for one segment (or a part of one), `**` at the end for all the rest, `$1` for what the first star held. Must not: know rules.

/// A pattern for decoded paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    segments: Vec<Vec<u8>>,
    rest: bool,
}

/// A target with places for what the stars held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Star(usize),
}

impl Pattern {
    /// Reads a pattern; the error says what is wrong and how to write it.
    pub fn read(text: &str) -> Result<Pattern, (&'static str, &'static str)> {
        let Some(path) = text.strip_prefix('/') else {
            return Err((
                "the pattern does not begin with a slash",
                "write it from the site's root, like `/assets/**`",
            ));
        };
        let mut segments: Vec<&str> = path.split('/').collect();
        let rest = segments.last() == Some(&"**");
        if rest {
            segments.pop();
        }
        for segment in &segments {
            if segment.contains("**") {
                return Err((
                    "`**` stands somewhere else than alone at the end",
                    "use `*` for one segment and `/**` at the end for all that follows",
                ));
            }
            if segment.matches('*').count() > 1 {
                return Err(("two stars in one segment", "one `*` a segment says what is meant"));
            }
        }
        Ok(Pattern {
            segments: segments.into_iter().map(|segment| segment.as_bytes().to_vec()).collect(),
            rest,
        })
    }

    /// How many stars there are to refer to.
    pub fn stars(&self) -> usize {
        self.segments.iter().filter(|segment| segment.contains(&b'*')).count() + usize::from(self.rest)
    }

    /// What the stars held, if the path matches.
    pub fn held<'p>(&self, path: &'p [u8]) -> Option<Vec<&'p [u8]>> {
        let mut held = Vec::new();
        let mut rest = path.strip_prefix(b"/")?;
        for (at, pattern) in self.segments.iter().enumerate() {
            let end = rest.iter().position(|&byte| byte == b'/');
            let is_last = at + 1 == self.segments.len() && !self.rest;
            let (segment, after) = match end {
                Some(_) if is_last => return None,
                Some(end) => (&rest[..end], &rest[end + 1..]),
                None if is_last => (rest, &rest[rest.len()..]),
                None => return None,
            };
            match pattern.iter().position(|&byte| byte == b'*') {
                None if pattern == segment => {}
                None => return None,
                Some(star) => held.push(between(segment, &pattern[..star], &pattern[star + 1..])?),
            }
            rest = after;
        }
        if self.rest {
            held.push(rest);
        }
        Some(held)
    }

    /// Whether the path matches.
    pub fn matches(&self, path: &[u8]) -> bool {
        self.held(path).is_some()
    }
}

fn between<'s>(segment: &'s [u8], before: &[u8], after: &[u8]) -> Option<&'s [u8]> {
    segment.strip_prefix(before)?.strip_suffix(after)
}

impl Template {
    /// Reads a template for a pattern with `stars` stars.
    pub fn read(text: &str, stars: usize) -> Result<Template, (&'static str, &'static str)> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            pieces.push(Part::Text(rest[..dollar].to_owned()));
            let digit = rest[dollar + 1..].chars().next().and_then(|digit| digit.to_digit(10));
            match digit.and_then(|digit| usize::try_from(digit).ok()) {
                Some(star) if (1..=stars).contains(&star) => pieces.push(Part::Star(star - 1)),
                _ => {
                    return Err((
                        "`$` is not followed by the number of a star in `from`",
                        "`$1` stands for what the first `*` held, `$2` for the second; write `%24` for a dollar",
                    ));
                }
            }
            rest = &rest[dollar + 2..];
        }
        pieces.push(Part::Text(rest.to_owned()));
        Ok(Template { pieces })
    }

    /// The target for what the stars held.
    pub fn fill(&self, held: &[&[u8]], escape: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let mut target = Vec::new();
        for piece in &self.pieces {
            match piece {
                Part::Text(text) => target.extend_from_slice(text.as_bytes()),
                Part::Star(star) => target.extend(escape(held.get(*star).copied().unwrap_or_default())),
            }
        }
        target
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(pattern: &str, path: &str) -> Option<Vec<String>> {
        let held = Pattern::read(pattern)
            .unwrap()
            .held(path.as_bytes())?
            .into_iter()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .collect();
        Some(held)
    }

    #[test]
    fn stars_hold_segments_and_two_stars_hold_the_rest() {
        assert_eq!(held("/a", "/a"), Some(vec![]));
        assert_eq!(held("/a", "/a/"), None);
        assert_eq!(held("/a/", "/a/"), Some(vec![]));
        assert_eq!(held("/*.js", "/app.js"), Some(vec!["app".to_owned()]));
        assert_eq!(held("/*.js", "/a/app.js"), None);
        assert_eq!(held("/a/*/c/**", "/a/b/c/d/e"), Some(vec!["b".to_owned(), "d/e".to_owned()]));
        assert_eq!(held("/**", "/"), Some(vec![String::new()]));
        assert_eq!(held("/a/**", "/a"), None);
    }

    #[test]
    fn templates_take_what_was_held() {
        let pattern = Pattern::read("/old/*/**").unwrap();
        let template = Template::read("/new/$2?was=$1", pattern.stars()).unwrap();
        let held = pattern.held(b"/old/x/y/z").unwrap();
        assert_eq!(template.fill(&held, <[u8]>::to_vec), b"/new/y/z?was=x");
        assert!(
            Template::read("/new/$3", 2).is_err()
                && Template::read("/$", 2).is_err()
                && Template::read("/$ä", 2).is_err()
        );
    }

    #[test]
    fn patterns_that_mean_nothing_are_refused() {
        assert!(
            Pattern::read("a").is_err()
                && Pattern::read("/a**b").is_err()
                && Pattern::read("/**/a").is_err()
                && Pattern::read("/*a*").is_err()
        );
    }
}
