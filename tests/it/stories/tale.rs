//! A story as data and as text: what was at first, then one thing after the other. The text reads back.

use std::{fmt, str::FromStr};

/// How a story begins. Machines that the file does not name at first may come into it later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    pub servers: usize,
    pub agents: usize,
    pub named_servers: usize,
    pub named_agents: usize,
    /// One server that keeps the cluster in sqlite, until an edit asks for etcd.
    pub sqlite: bool,
    /// 0 is Debian on amd64 everywhere; any other number the turn at which the mixture of systems begins.
    pub systems: usize,
    /// Scripts end with the connection that started them, as under a service manager that cleans up behind a session.
    pub cut: bool,
}

/// One thing that happens between the first file and the last apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Chapter {
    /// Somebody applies to the end, whatever that is.
    Applies,
    /// Somebody applies, and dies after this many words from hosts.
    Dies(u64),
    /// A plan is saved and carried out after so many seconds.
    Saved(u64),
    /// Somebody takes a node out with `coracle destroy`.
    GivesUp(usize),
    /// A fault, as `VERB … [for SPAN]` around the host, which strikes when the time has come.
    Fault(String, usize, Moment),
    /// So many seconds pass.
    Passes(u64),
    /// The file changes.
    Edit(Edit),
}

/// When a fault strikes, counted from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Seconds(u64),
    Steps(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    Switch(Switch),
    /// The n-th release of those that the stories know.
    Version(usize),
    Etcd,
    /// The n-th machine comes into the file, or leaves it.
    Member(usize),
    /// The n-th machine's label and taint come or go.
    Relabel(usize),
}

/// What stands in the file or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Switch {
    Motd,
    Sysctl,
    File,
    Secret,
    Package,
    Service,
    Module,
    KubeletArgument,
    K3sSecret,
    Shut,
}

impl Switch {
    pub(crate) const ALL: [(Self, &'static str); 10] = [
        (Self::Motd, "motd"),
        (Self::Sysctl, "sysctl"),
        (Self::File, "file"),
        (Self::Secret, "secret-file"),
        (Self::Package, "package"),
        (Self::Service, "service"),
        (Self::Module, "module"),
        (Self::KubeletArgument, "kubelet-arg"),
        (Self::K3sSecret, "k3s-secret"),
        (Self::Shut, "sshd-that-shuts-the-operator-out"),
    ];
}

/// The n-th machine's name: `s1`… for servers, then `a1`… for agents.
pub(crate) fn name_of(n: usize, servers: usize) -> String {
    if n < servers { format!("s{}", n + 1) } else { format!("a{}", n - servers + 1) }
}

fn number_of(name: &str, servers: usize) -> Option<usize> {
    let number: usize = name.get(1..)?.parse().ok()?;
    match name.get(..1)? {
        "s" => number.checked_sub(1),
        "a" => (number + servers).checked_sub(1),
        _ => None,
    }
}

/// A whole story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Story {
    pub opening: Opening,
    pub chapters: Vec<Chapter>,
}

impl fmt::Display for Story {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Opening { servers, agents, named_servers, named_agents, sqlite, systems, cut } = self.opening;
        write!(
            out,
            "{servers} servers and {agents} agents, of which the file names {named_servers} and {named_agents}"
        )?;
        let store = if sqlite { "sqlite" } else { "etcd" };
        let scripts = if cut { "; scripts end with their connection" } else { "" };
        writeln!(out, "; systems {systems}; {store}{scripts}")?;
        for chapter in &self.chapters {
            match chapter {
                Chapter::Applies => writeln!(out, "apply"),
                Chapter::Dies(words) => writeln!(out, "apply and die after {words} words"),
                Chapter::Saved(span) => writeln!(out, "save a plan and carry it out {span} s later"),
                Chapter::GivesUp(n) => writeln!(out, "destroy {}", name_of(*n, servers)),
                Chapter::Passes(span) => writeln!(out, "{span} s pass"),
                Chapter::Edit(edit) => writeln!(out, "edit {}", edit.text(servers)),
                Chapter::Fault(fault, n, moment) => {
                    let (verb, rest) = fault.split_once(' ').unwrap_or((fault, ""));
                    let host = name_of(*n, servers);
                    let gap = if rest.is_empty() { "" } else { " " };
                    match moment {
                        Moment::Seconds(span) => writeln!(out, "{verb} {host}{gap}{rest} in {span} s"),
                        Moment::Steps(steps) => writeln!(out, "{verb} {host}{gap}{rest} in {steps} steps"),
                    }
                }
            }?;
        }
        Ok(())
    }
}

impl Edit {
    fn text(self, servers: usize) -> String {
        match self {
            Self::Switch(switch) => Switch::ALL.iter().find(|(one, _)| *one == switch).unwrap().1.to_owned(),
            Self::Version(n) => format!("version {n}"),
            Self::Etcd => "etcd".to_owned(),
            Self::Member(n) => format!("member {}", name_of(n, servers)),
            Self::Relabel(n) => format!("label {}", name_of(n, servers)),
        }
    }

    fn read(words: &[&str], servers: usize) -> Option<Self> {
        Some(match words {
            ["version", n] => Self::Version(n.parse().ok()?),
            ["etcd"] => Self::Etcd,
            ["member", name] => Self::Member(number_of(name, servers)?),
            ["label", name] => Self::Relabel(number_of(name, servers)?),
            [word] => Self::Switch(Switch::ALL.iter().find(|(_, known)| known == word)?.0),
            _ => return None,
        })
    }
}

impl FromStr for Story {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let opening = lines.next().ok_or("an empty story")?;
        let opening = read_opening(opening).ok_or_else(|| format!("no opening: {opening}"))?;
        let chapters = lines
            .map(|line| read_chapter(line, opening.servers).ok_or_else(|| format!("no chapter: {line}")));
        Ok(Self { opening, chapters: chapters.collect::<Result<_, _>>()? })
    }
}

fn read_opening(line: &str) -> Option<Opening> {
    let words = line.split(|c: char| !c.is_ascii_alphanumeric());
    let numbers: Vec<usize> = words.filter_map(|word| word.parse().ok()).collect();
    let [servers, agents, named_servers, named_agents, systems] = *numbers.as_slice() else { return None };
    let (sqlite, cut) = (line.contains("sqlite"), line.contains("scripts end"));
    Some(Opening { servers, agents, named_servers, named_agents, sqlite, systems, cut })
}

fn read_chapter(line: &str, servers: usize) -> Option<Chapter> {
    let words: Vec<&str> = line.split(' ').collect();
    Some(match words.as_slice() {
        ["apply"] => Chapter::Applies,
        ["apply", "and", "die", "after", words, "words"] => Chapter::Dies(words.parse().ok()?),
        ["save", .., span, "s", "later"] => Chapter::Saved(span.parse().ok()?),
        ["destroy", name] => Chapter::GivesUp(number_of(name, servers)?),
        [span, "s", "pass"] => Chapter::Passes(span.parse().ok()?),
        ["edit", rest @ ..] => Chapter::Edit(Edit::read(rest, servers)?),
        [verb, name, rest @ .., "in", count, unit] => {
            let count = count.parse().ok()?;
            let moment = if *unit == "s" { Moment::Seconds(count) } else { Moment::Steps(count) };
            let fault = [&[*verb], rest].concat().join(" ");
            Chapter::Fault(fault, number_of(name, servers)?, moment)
        }
        _ => return None,
    })
}
