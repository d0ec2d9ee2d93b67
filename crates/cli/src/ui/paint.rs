//! Colours, by meaning.
//!
//! Owns: which meaning has which colour. Must not: be asked for a colour by name.

use anstyle::{AnsiColor, Color, Style};

/// Colours text, or leaves it as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint(pub(crate) bool);

/// What a piece of text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Text as it is.
    Plain,
    /// Headings, totals.
    Strong,
    /// Times, explanations.
    Faint,
    /// Hosts, paths, commands to type.
    Name,
    /// It worked; it appears.
    Good,
    /// It is about to, it changes, it needs thought.
    Care,
    /// It failed; it goes.
    Bad,
}

impl Paint {
    /// The text in its tone.
    pub(crate) fn tone(self, tone: Tone, text: &str) -> String {
        let style = tone.style();
        if self.0 && style != Style::new() && !text.is_empty() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }
}

impl Tone {
    fn style(self) -> Style {
        let colour = |colour| Style::new().fg_color(Some(Color::Ansi(colour)));
        match self {
            Self::Plain => Style::new(),
            Self::Strong => Style::new().bold(),
            Self::Faint => Style::new().dimmed(),
            Self::Name => colour(AnsiColor::Cyan),
            Self::Good => colour(AnsiColor::Green),
            Self::Care => colour(AnsiColor::Yellow),
            Self::Bad => colour(AnsiColor::Red).bold(),
        }
    }
}
