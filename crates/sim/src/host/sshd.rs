//! What an sshd configuration lets in.
//!
//! Owns: the few keywords that decide whether the operator gets in, read by sshd's rule that the first value wins.
//! Must not: judge any other keyword.

use serde::{Deserialize, Serialize};

use super::disk::Disk;

/// The part of sshd's configuration that decides who gets in. Lists that were never given are `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rules {
    pubkey: Option<String>,
    root_login: Option<String>,
    allow_users: Option<Vec<String>>,
    deny_users: Option<Vec<String>>,
    allow_groups: Option<Vec<String>>,
}

impl Rules {
    /// Reads `/etc/ssh/sshd_config.d/*.conf` in name order, then `/etc/ssh/sshd_config`. The error is sshd's own.
    pub(crate) fn read(disk: &Disk) -> Result<Self, String> {
        let mut rules = Self::default();
        let dropins: Vec<String> = disk
            .below("/etc/ssh/sshd_config.d")
            .filter(|path| std::path::Path::new(path).extension().is_some_and(|end| end == "conf"))
            .cloned()
            .collect();
        for path in dropins.iter().map(String::as_str).chain(["/etc/ssh/sshd_config"]) {
            for (number, line) in disk.text(path).unwrap_or_default().lines().enumerate() {
                rules.take(line).map_err(|why| format!("{path} line {}: {why}", number + 1))?;
            }
        }
        Ok(rules)
    }

    /// An sshd that does not run lets nobody in.
    pub(crate) fn closed() -> Self {
        Self { pubkey: Some("no".to_owned()), ..Self::default() }
    }

    fn take(&mut self, line: &str) -> Result<(), String> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let (word, rest) = line.split_once([' ', '\t', '=']).unwrap_or((line, ""));
        if !word.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(format!("Bad configuration option: {word}"));
        }
        if rest.trim().is_empty() {
            return Err(format!("{word}: missing argument"));
        }
        let one = || Some(rest.trim().trim_matches('"').to_ascii_lowercase());
        let many = || Some(rest.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        match word.to_ascii_lowercase().as_str() {
            "pubkeyauthentication" => self.pubkey = self.pubkey.take().or_else(one),
            "permitrootlogin" => self.root_login = self.root_login.take().or_else(one),
            // Lists add up, unlike single values.
            "allowusers" => extend(&mut self.allow_users, many()),
            "denyusers" => extend(&mut self.deny_users, many()),
            "allowgroups" => extend(&mut self.allow_groups, many()),
            _ => {}
        }
        Ok(())
    }

    /// Whether this user gets in with a key. His only group is the one of his own name.
    pub(crate) fn lets_in(&self, user: &str) -> bool {
        let listed = |list: &[String]| list.iter().any(|pattern| matches(pattern, user));
        let root_may = !matches!(self.root_login.as_deref(), Some("no" | "forced-commands-only"));
        self.pubkey.as_deref() != Some("no")
            && (user != "root" || root_may)
            && self.allow_users.as_deref().is_none_or(listed)
            && self.allow_groups.as_deref().is_none_or(listed)
            && !self.deny_users.as_deref().is_some_and(listed)
    }
}

fn extend(list: &mut Option<Vec<String>>, more: Option<Vec<String>>) {
    list.get_or_insert_default().extend(more.unwrap_or_default());
}

/// sshd's patterns: `*` stands for anything; what follows an `@` is a host, which is not judged here.
fn matches(pattern: &str, user: &str) -> bool {
    let pattern = pattern.split('@').next().unwrap_or(pattern);
    match pattern.split_once('*') {
        None => pattern == user,
        Some((head, tail)) => {
            user.len() >= head.len() + tail.len() && user.starts_with(head) && user.ends_with(tail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(files: &[(&str, &str)]) -> Result<Rules, String> {
        let mut disk = Disk::default();
        for (path, text) in files {
            disk.write(&format!("/etc/ssh/{path}"), 0o644, *text);
        }
        Rules::read(&disk)
    }

    #[test]
    fn an_untouched_sshd_lets_root_in_with_a_key() {
        assert!(rules(&[]).is_ok_and(|rules| rules.lets_in("root")));
    }

    #[test]
    fn the_first_value_wins_and_dropins_come_first() {
        let files = [("sshd_config", "PermitRootLogin no"), ("sshd_config.d/50.conf", "PermitRootLogin yes")];
        assert!(rules(&files).is_ok_and(|rules| rules.lets_in("root")));
        let files = [("sshd_config", "PermitRootLogin yes"), ("sshd_config.d/50.conf", "PermitRootLogin no")];
        assert!(rules(&files).is_ok_and(|rules| !rules.lets_in("root") && rules.lets_in("ubuntu")));
    }

    #[test]
    fn who_is_not_among_allowed_users_stays_out() {
        let rules = rules(&[("sshd_config.d/1.conf", "AllowUsers alice bo*")]).expect("a good file");
        assert!(rules.lets_in("alice") && rules.lets_in("bob") && !rules.lets_in("root"));
    }

    #[test]
    fn a_password_rule_does_not_touch_keys() {
        assert!(
            rules(&[("sshd_config", "PasswordAuthentication no")]).is_ok_and(|rules| rules.lets_in("root"))
        );
    }

    #[test]
    fn a_line_without_argument_is_an_error_that_names_its_place() {
        let error = rules(&[("sshd_config.d/1.conf", "Port 22\nPermitRootLogin")]).expect_err("no argument");
        assert_eq!(error, "/etc/ssh/sshd_config.d/1.conf line 2: PermitRootLogin: missing argument");
    }
}
