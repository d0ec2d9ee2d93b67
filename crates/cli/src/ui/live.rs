//! A line for every host at the foot of the terminal, redrawn as things happen.
//!
//! Owns: what each line says, and how the foot is taken away and put back. A frame is a function of where the run
//! stands and the time: tests read frames, not terminals.

use std::time::Duration;

use engine::progress::{HostState, Progress};
use model::{NodeName, event::Event};

use super::{
    paint::{Paint, Tone},
    span,
};

/// Where the run stands, and how many rows of the terminal show it.
#[derive(Debug, Default)]
pub(crate) struct Live {
    progress: Progress,
    rows: usize,
}

/// What a frame has to fit into.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Characters in a row.
    pub(crate) columns: usize,
    /// Rows of the terminal, of which a few stay free for the story.
    pub(crate) rows: usize,
}

impl Live {
    /// Takes an event in.
    pub(crate) fn hear(&mut self, event: &Event) {
        self.progress.apply(event);
    }

    /// Whether time alone may redraw. Not while hosts are looked at for the first time: ssh may ask the person for a
    /// passphrase then, and its question must stand.
    pub(crate) fn may_tick(&self) -> bool {
        self.progress.total > 0
    }

    /// One line a host, none longer than the terminal is wide, the busy ones first when there is not room for all.
    fn frame(&self, now: Duration, size: Size, paint: Paint) -> Vec<String> {
        if self.progress.end.is_some() {
            return Vec::new();
        }
        let mut hosts: Vec<_> = self.progress.hosts.keys().collect();
        let width = hosts.iter().map(|name| name.as_str().len()).max().unwrap_or(0);
        let room = size.rows.saturating_sub(6).max(3);
        let left_out = hosts.len().saturating_sub(room);
        if left_out > 0 {
            hosts.sort_by_key(|host| (rank(self.progress.state(host)), *host));
            hosts.truncate(room);
        }
        let mut frame: Vec<_> =
            hosts.into_iter().map(|host| self.line(host, width, now, size.columns, paint)).collect();
        if left_out > 0 {
            frame.push(paint.tone(Tone::Faint, &format!("    … and {}", span::count(left_out, "more host"))));
        }
        frame
    }

    fn line(&self, host: &NodeName, width: usize, now: Duration, columns: usize, paint: Paint) -> String {
        let line = &self.progress.hosts[host];
        let state = self.progress.state(host);
        let (tone, sign) = look(state, now);
        let share = match line.total {
            0 => String::new(),
            total => format!("{}/{total}", line.done),
        };
        let clock = self.since(host).map(|since| span::took(now.saturating_sub(since))).unwrap_or_default();
        let room = columns.saturating_sub(width + 26).max(10);
        let (name, share) = (format!("{host:<width$}"), format!("{share:>7}"));
        let text = short(&self.words(host, state, now), room);
        let text = if tone == Tone::Care { text } else { paint.tone(Tone::Faint, &text) };
        let line = format!(
            "  {} {} {}  {text} {}",
            paint.tone(tone, sign),
            paint.tone(Tone::Name, &name),
            paint.tone(Tone::Faint, &share),
            paint.tone(Tone::Faint, &clock),
        );
        line.trim_end().to_owned()
    }

    /// When what is shown for a host began, while it goes on.
    fn since(&self, host: &NodeName) -> Option<Duration> {
        self.progress.current(host).map(|running| running.since)
    }

    fn words(&self, host: &NodeName, state: HostState, now: Duration) -> String {
        let line = &self.progress.hosts[host];
        let title = || self.progress.current(host).map_or(String::new(), |running| running.title.clone());
        let sent = |title: String| match line.sending {
            Some((done, total)) => format!("{title} ({} of {})", span::bytes(done), span::bytes(total)),
            None => title,
        };
        match state {
            HostState::Idle => "ready".to_owned(),
            HostState::Looking => "looks".to_owned(),
            HostState::Queued => "waits for another host".to_owned(),
            HostState::Working => sent(title()),
            HostState::Waiting => {
                let wait =
                    self.progress.current(host).and_then(|running| self.progress.waits.get(&running.step));
                wait.map_or_else(title, |wait| {
                    let left = wait.until.saturating_sub(now);
                    format!("{} (at most {} more)", wait.seen, span::took(left))
                })
            }
            HostState::Done => "done".to_owned(),
            HostState::Stopped => "stopped".to_owned(),
            HostState::Failed | HostState::Dark => line.note.clone().unwrap_or_default(),
        }
    }

    /// The bytes that take the foot away.
    pub(crate) fn clear(&mut self) -> String {
        match std::mem::take(&mut self.rows) {
            0 => String::new(),
            rows => format!("\u{1b}[{rows}A\r\u{1b}[J"),
        }
    }

    /// The bytes that put the foot back.
    pub(crate) fn draw(&mut self, now: Duration, size: Size, paint: Paint) -> String {
        let frame = self.frame(now, size, paint);
        self.rows = frame.len();
        frame.iter().fold(String::new(), |out, line| out + line + "\n")
    }
}

fn look(state: HostState, now: Duration) -> (Tone, &'static str) {
    match state {
        HostState::Idle | HostState::Queued => (Tone::Faint, "·"),
        HostState::Looking | HostState::Working | HostState::Waiting => (Tone::Care, spinner(now)),
        HostState::Done => (Tone::Good, "✓"),
        HostState::Stopped => (Tone::Care, "■"),
        HostState::Failed | HostState::Dark => (Tone::Bad, "✗"),
    }
}

/// Who is left out last when there is not room for all.
fn rank(state: HostState) -> u8 {
    match state {
        HostState::Failed => 0,
        HostState::Working => 1,
        HostState::Waiting => 2,
        HostState::Looking => 3,
        HostState::Dark => 4,
        HostState::Queued => 5,
        HostState::Idle | HostState::Done | HostState::Stopped => 6,
    }
}

fn spinner(now: Duration) -> &'static str {
    const SIGNS: [&str; 8] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧"];
    let nth = usize::try_from(now.as_millis() / 125 % 8).expect("less than eight");
    SIGNS[nth]
}

fn short(text: &str, room: usize) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match text.char_indices().nth(room) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use model::{event::What, plan::StepId};

    use super::*;

    const SIZE: Size = Size { columns: 80, rows: 24 };

    fn name(text: &str) -> NodeName {
        text.parse().expect("a good name")
    }

    fn heard(events: impl IntoIterator<Item = (u64, What)>) -> Live {
        let mut live = Live::default();
        events.into_iter().for_each(|(at, what)| live.hear(&Event { at: Duration::from_secs(at), what }));
        live
    }

    #[test]
    fn a_frame_says_what_every_host_does_and_for_how_long() {
        let (one, ten) = (name("harbor-1"), name("harbor-10"));
        let step = StepId::new(&one, "service k3s");
        let live = heard([
            (0, What::Observing { host: one.clone() }),
            (0, What::Observing { host: ten.clone() }),
            (1, What::Observed { host: one.clone() }),
            (1, What::Planned { steps: 35, hosts: [(one.clone(), 31), (ten, 4)].into() }),
            (2, What::Began { step, host: one, title: "start k3s".into() }),
        ]);
        let frame = live.frame(Duration::from_secs(14), SIZE, Paint(false)).join("\n");
        insta::assert_snapshot!(frame, @"
          ⠋ harbor-1     0/31  start k3s 12s
          · harbor-10     0/4  waits for another host
        ");
    }

    #[test]
    fn many_hosts_leave_room_for_the_story() {
        let live = heard((10..40).map(|nth| (0, What::Observed { host: name(&format!("h{nth}")) })));
        let frame = live.frame(Duration::ZERO, Size { columns: 80, rows: 10 }, Paint(false));
        assert_eq!((frame.len(), frame[4].trim()), (5, "… and 26 more hosts"));
    }

    #[test]
    fn the_foot_is_taken_away_before_it_is_put_back() {
        let mut live = heard([(0, What::Observing { host: name("a") })]);
        assert_eq!(live.clear(), "");
        assert_eq!(live.draw(Duration::ZERO, SIZE, Paint(false)).lines().count(), 1);
        assert_eq!(live.clear(), "\u{1b}[1A\r\u{1b}[J");
        assert_eq!(live.clear(), "");
    }
}
