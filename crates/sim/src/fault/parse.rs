//! Faults as people write them: `reboot harbor-2 at 30s`.

use std::{str::FromStr, time::Duration};

use model::NodeName;

use super::{Fault, Havoc, When};

/// The words a fault may begin with, and what each means.
pub const VERBS: [(&str, &str); 19] = [
    ("kill", "kill HOST: it loses power"),
    ("boot", "boot HOST: it is switched on"),
    ("reboot", "reboot HOST"),
    ("hang", "hang HOST: it stops doing anything"),
    ("slow", "slow HOST [x20]: everything takes that many times longer"),
    ("cut", "cut HOST: the operator does not reach it"),
    ("isolate", "isolate HOST: the other machines do not reach it"),
    ("offline", "offline HOST: it does not reach the internet"),
    ("fill", "fill HOST: its disk is full"),
    ("clock", "clock HOST [+1h or -90s]: its clock is wrong"),
    ("rekey", "rekey HOST: its SSH host key is another one"),
    ("nosudo", "nosudo HOST: the user may not become root"),
    ("asksudo", "asksudo HOST: becoming root takes a password"),
    ("foreign", "foreign HOST: somebody else's k3s runs there"),
    ("wipe", "wipe HOST: its k3s data is lost and it reboots"),
    ("reinstall", "reinstall HOST: it is installed afresh"),
    ("drop", "drop HOST: the operator's connections to it break"),
    ("heal", "heal HOST: everything that a fault did to it ends"),
    ("die", "die: the operator's process dies"),
];

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = Words(text.split_whitespace().collect());
        let verb = words.next().ok_or_else(|| format!("an empty fault; write one as {EXAMPLE}"))?;
        let mut what = havoc(verb).ok_or_else(|| unknown_verb(verb))?;
        let host = if what == Havoc::OperatorDies { None } else { Some(host(verb, &mut words)?) };
        amount(&mut what, &mut words)?;
        let mut fault = Self { when: When::AtTime(Duration::ZERO), what, host, lasts: None };
        while let Some(word) = words.next() {
            match word {
                "for" => fault.lasts = Some(lasting(what, span(words.next(), "for")?)?),
                "at" if words.peek() == Some("step") => {
                    words.next();
                    fault.when = When::AtStep(words.rest().ok_or("`at step` needs a part of a step's name")?);
                }
                "at" => fault.when = When::AtTime(span(words.next(), "at")?),
                "after" => fault.when = When::AfterSteps(steps(&mut words)?),
                other => return Err(format!("{other:?} is out of place; write a fault as {EXAMPLE}")),
            }
        }
        Ok(fault)
    }
}

const EXAMPLE: &str = "\"reboot harbor-2 at 30s\", \"hang harbor-2 for 1m after 5 steps\" or \
                       \"kill harbor-2 at step harbor-2: service k3s\"";

struct Words<'a>(std::collections::VecDeque<&'a str>);

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        self.0.pop_front()
    }
    fn peek(&self) -> Option<&'a str> {
        self.0.front().copied()
    }
    fn rest(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.0);
        (!rest.is_empty()).then(|| Vec::from(rest).join(" "))
    }
}

fn havoc(verb: &str) -> Option<Havoc> {
    Some(match verb {
        "kill" => Havoc::Kill,
        "boot" => Havoc::Boot,
        "reboot" => Havoc::Reboot,
        "hang" => Havoc::Hang,
        "slow" => Havoc::Slow(20),
        "cut" => Havoc::Cut,
        "isolate" => Havoc::Isolate,
        "offline" => Havoc::Offline,
        "fill" => Havoc::Fill,
        "clock" => Havoc::Clock(3600),
        "rekey" => Havoc::Rekey,
        "nosudo" => Havoc::NoSudo,
        "asksudo" => Havoc::AskSudo,
        "foreign" => Havoc::Foreign,
        "wipe" => Havoc::Wipe,
        "reinstall" => Havoc::Reinstall,
        "drop" => Havoc::Drop,
        "heal" => Havoc::Heal,
        "die" => Havoc::OperatorDies,
        _ => return None,
    })
}

fn unknown_verb(verb: &str) -> String {
    let verbs: Vec<_> = VERBS.iter().map(|(verb, _)| *verb).collect();
    format!("{verb:?} is no fault; there are {}", verbs.join(", "))
}

fn host(verb: &str, words: &mut Words<'_>) -> Result<NodeName, String> {
    let word = words.next().ok_or_else(|| format!("`{verb}` needs a host, as in `{verb} harbor-2`"))?;
    word.parse().map_err(|why| format!("{word:?} is no host's name: it {why}"))
}

fn amount(what: &mut Havoc, words: &mut Words<'_>) -> Result<(), String> {
    let Some(word) = words.peek().filter(|word| !matches!(*word, "at" | "for" | "after")) else {
        return Ok(());
    };
    match what {
        Havoc::Slow(times) => {
            let number = word.strip_prefix('x').and_then(|number| number.parse().ok());
            let number = number.filter(|number| (2..=1000).contains(number));
            *times = number.ok_or_else(|| format!("{word:?} is not x2 to x1000"))?;
        }
        Havoc::Clock(ahead) => {
            let (sign, rest) = match (word.strip_prefix('+'), word.strip_prefix('-')) {
                (Some(rest), _) => (1, rest),
                (_, Some(rest)) => (-1, rest),
                _ => return Err(format!("{word:?} says no direction; write +1h or -90s")),
            };
            let seconds = span(Some(rest), "clock")?.as_secs();
            *ahead = sign * i64::try_from(seconds).map_err(|_| format!("{word:?} is too much"))?;
        }
        _ => return Ok(()),
    }
    words.next();
    Ok(())
}

/// Only faults that leave something behind can end.
fn lasting(what: Havoc, span: Duration) -> Result<Duration, String> {
    use Havoc::{AskSudo, Clock, Cut, Fill, Hang, Isolate, Kill, NoSudo, Offline, Rekey, Slow};
    match what {
        Kill | Hang | Slow(_) | Cut | Isolate | Offline | Fill | Clock(_) | Rekey | NoSudo | AskSudo => {
            Ok(span)
        }
        _ => Err(format!("`for` makes no sense where a host {what}")),
    }
}

fn steps(words: &mut Words<'_>) -> Result<u64, String> {
    let number = words.next().and_then(|word| word.parse().ok());
    match (number, words.next()) {
        (Some(number), Some("step" | "steps")) => Ok(number),
        _ => Err("`after` is followed by a number of steps, as in `after 5 steps`".to_owned()),
    }
}

/// `90`, `90s`, `5m`, `2h`, `1h30m` or `250ms`.
fn span(word: Option<&str>, after: &str) -> Result<Duration, String> {
    let wrong = || format!("`{after}` is followed by a span of time, as in `{after} 30s` or `{after} 5m`");
    let mut rest = word.ok_or_else(wrong)?;
    let mut whole = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "" | "s" => Duration::from_secs(number),
            "ms" => Duration::from_millis(number),
            "m" => Duration::from_secs(number.saturating_mul(60)),
            "h" => Duration::from_secs(number.saturating_mul(3600)),
            _ => return Err(wrong()),
        };
        // A year is long enough for any rehearsal, and far from any overflow.
        whole = whole.saturating_add(unit).min(Duration::from_hours(365 * 24));
        rest = &rest[letters..];
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Fault, String> {
        text.parse()
    }

    fn fault(what: Havoc, when: When, lasts: Option<u64>) -> Fault {
        let host = Some("harbor-2".parse().expect("a name"));
        Fault { when, what, host, lasts: lasts.map(Duration::from_secs) }
    }

    #[test]
    fn a_fault_names_verb_host_span_and_moment_in_any_order() {
        let at = |seconds| When::AtTime(Duration::from_secs(seconds));
        assert_eq!(parse("reboot harbor-2 at 30s"), Ok(fault(Havoc::Reboot, at(30), None)));
        assert_eq!(parse("hang harbor-2 for 1m at 1h30m"), Ok(fault(Havoc::Hang, at(5400), Some(60))));
        assert_eq!(
            parse("slow harbor-2 x50 after 5 steps"),
            Ok(fault(Havoc::Slow(50), When::AfterSteps(5), None))
        );
        assert_eq!(parse("clock harbor-2 -90s"), Ok(fault(Havoc::Clock(-90), at(0), None)));
        let step = When::AtStep("harbor-2: service k3s".into());
        assert_eq!(parse("kill harbor-2 at step harbor-2: service k3s"), Ok(fault(Havoc::Kill, step, None)));
    }

    #[test]
    fn the_operator_dies_without_a_host() {
        let fault = parse("die after 12 steps").expect("a fault");
        assert_eq!((fault.what, fault.host, fault.when), (Havoc::OperatorDies, None, When::AfterSteps(12)));
    }

    #[test]
    fn every_verb_in_the_list_is_understood() {
        for (verb, _) in VERBS {
            let text = if verb == "die" { verb.to_owned() } else { format!("{verb} harbor-2") };
            assert!(parse(&text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_write_instead() {
        let wrong = [
            "",
            "explode harbor-2",
            "reboot",
            "reboot Harbor",
            "reboot harbor-2 at noon",
            "kill harbor-2 now",
            "kill harbor-2 after lunch",
            "slow harbor-2 x1",
            "clock harbor-2 5s",
            "reboot harbor-2 for 5s",
        ];
        let errors: Vec<_> = wrong.iter().map(|text| parse(text).expect_err(text)).collect();
        insta::assert_snapshot!(errors.join("\n"), @r#"
        an empty fault; write one as "reboot harbor-2 at 30s", "hang harbor-2 for 1m after 5 steps" or "kill harbor-2 at step harbor-2: service k3s"
        "explode" is no fault; there are kill, boot, reboot, hang, slow, cut, isolate, offline, fill, clock, rekey, nosudo, asksudo, foreign, wipe, reinstall, drop, heal, die
        `reboot` needs a host, as in `reboot harbor-2`
        "Harbor" is no host's name: it has 'H'; only a-z, 0-9 and '-' are allowed
        `at` is followed by a span of time, as in `at 30s` or `at 5m`
        "now" is out of place; write a fault as "reboot harbor-2 at 30s", "hang harbor-2 for 1m after 5 steps" or "kill harbor-2 at step harbor-2: service k3s"
        `after` is followed by a number of steps, as in `after 5 steps`
        "x1" is not x2 to x1000
        "5s" says no direction; write +1h or -90s
        `for` makes no sense where a host reboots
        "#);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "[a-z0-9 :*+x-]{0,40}") {
            let _ = parse(&text);
        }
    }
}
