//! The one remote command line.
//!
//! It is constant, so nothing in it ever needs quoting, and short. It is made of what every login shell passes on
//! unread: one single-quoted word without `'`, `!`, `\` or newline (csh and fish read those even there).

/// How root is reached on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Escalation {
    /// The login is root's.
    Root,
    /// `sudo` that asks for no password.
    Sudo,
    /// `sudo` with a password, which is the first line of standard input.
    SudoPassword,
    /// `doas` that asks for no password.
    Doas,
}

/// What the remote command line says, on a line of its own, as soon as it is root and before it reads anything.
///
/// After a password only this line tells that the password was taken: what follows must be held back until then,
/// or sudo would take its first lines for further tries.
pub const READY: &str = "coracle ready";

/// Stores standard input in a 0700 directory on tmpfs, and goes on only if it all arrived. The first line is
/// `coracle1 SHA256 BYTES detach|attend`; what comes before it can only be a password that sudo did not ask for.
/// A detached script has a session of its own, so that it outlives the connection. Unpacking needs no umask: nobody
/// else gets into the directory.
const RECEIVE: &str = concat!(
    "echo;echo coracle ready;umask 077;PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin;",
    "for d in /run /dev/shm /var/tmp /tmp;do d=$(mktemp -d $d/coracle.XXXXXX 2>/dev/null)&&break;done;",
    "test -d \"$d\"||{ echo coracle full;exit 1;};",
    "trap \"rm -rf $d\" 0;trap \"\" 1 13;",
    "read -r m s l w;test \"$m\" = coracle1||read -r m s l w;",
    "cat >$d/a||echo coracle full;set -- $(sha256sum <$d/a);",
    "if test \"$1\" = \"$s\"&&umask 0&&tar xpmof $d/a -C $d;then set -- $d;",
    "if test \"$w\" = detach;then trap - 0;setsid sh $d/run $d&wait;else . $d/run;fi;",
    "else echo coracle broken $(wc -c <$d/a) $l;exit 1;fi",
);

/// The remote command line for a way to root.
pub fn remote(escalation: Escalation) -> String {
    let become_root = match escalation {
        Escalation::Root => "",
        Escalation::Sudo => "sudo -n ",
        Escalation::SudoPassword => "sudo -S -k -p \"\" ",
        Escalation::Doas => "doas -n ",
    };
    format!("exec {become_root}sh -c '{RECEIVE}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_login_shell_reads_into_the_quoted_word() {
        for bad in ['\'', '!', '\\', '\n'] {
            assert!(!RECEIVE.contains(bad), "{bad:?}");
        }
        assert!(remote(Escalation::SudoPassword).len() < 1000, "csh has short words");
    }
}
