//! Where the program runs: environment and terminals, read once at start.
//!
//! Owns: everything that is known from outside the arguments. Must not: be asked anything by library crates.

use std::{
    collections::BTreeMap,
    env,
    io::{self, IsTerminal as _},
    path::PathBuf,
};

use crate::args::ColorChoice;

/// Environment and terminals.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Environment variables that are text.
    pub(crate) env: BTreeMap<String, String>,
    /// Whether somebody can answer questions.
    pub(crate) stdin_terminal: bool,
    /// Standard output.
    pub(crate) stdout: Stream,
    /// Standard error.
    pub(crate) stderr: Stream,
}

/// One of the two output streams.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    /// Whether it goes to a terminal.
    pub(crate) terminal: bool,
    /// Columns; 100 where that cannot be known.
    pub(crate) columns: usize,
    /// Rows; 24 where that cannot be known.
    pub(crate) rows: usize,
}

impl Place {
    /// Looks around.
    pub(crate) fn gather() -> Self {
        let env: BTreeMap<_, _> = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let columns = env.get("COLUMNS").and_then(|text| text.parse().ok()).filter(|columns| *columns >= 20);
        Self {
            stdin_terminal: io::stdin().is_terminal(),
            stdout: Stream::of(&io::stdout(), columns),
            stderr: Stream::of(&io::stderr(), columns),
            env,
        }
    }

    /// A variable that is set and not empty.
    pub(crate) fn var(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn dumb(&self) -> bool {
        self.var("TERM") == Some("dumb")
    }

    /// Whether to colour: an explicit choice, then `NO_COLOR`, `CLICOLOR_FORCE`, `CLICOLOR`, `TERM`, the terminal.
    pub(crate) fn colour(&self, choice: ColorChoice, terminal: bool) -> bool {
        match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if self.var("NO_COLOR").is_some() => false,
            ColorChoice::Auto if self.var("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
            ColorChoice::Auto => terminal && !self.dumb() && self.var("CLICOLOR") != Some("0"),
        }
    }

    /// The same for clap's own messages, which are written before `--color` is understood.
    pub(crate) fn clap_colour(&self) -> clap::ColorChoice {
        match self.var("CLICOLOR_FORCE").is_some_and(|value| value != "0") && self.var("NO_COLOR").is_none() {
            true => clap::ColorChoice::Always,
            false if self.colour(ColorChoice::Auto, true) => clap::ColorChoice::Auto,
            false => clap::ColorChoice::Never,
        }
    }

    /// Whether lines may be redrawn in place: a terminal that can, and nobody keeps a log of it.
    pub(crate) fn live(&self) -> bool {
        self.stderr.terminal && !self.dumb() && self.var("CI").is_none()
    }

    /// Whether a person is there to answer questions.
    pub(crate) fn can_ask(&self) -> bool {
        self.stdin_terminal && self.stderr.terminal
    }

    /// The user's home directory.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.var("HOME").map(PathBuf::from)
    }

    /// A base directory of the XDG specification: the variable when absolute, else below the home directory.
    pub(crate) fn xdg(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let given = self.var(variable).map(PathBuf::from).filter(|path| path.is_absolute());
        given.or_else(|| Some(self.home()?.join(below_home)))
    }

    /// Where journals lie: `$XDG_STATE_HOME/coracle`.
    pub(crate) fn state(&self) -> Option<PathBuf> {
        Some(self.xdg("XDG_STATE_HOME", ".local/state")?.join("coracle"))
    }

    /// Where downloads lie: `$XDG_CACHE_HOME/coracle`.
    pub(crate) fn cache(&self) -> Option<PathBuf> {
        Some(self.xdg("XDG_CACHE_HOME", ".cache")?.join("coracle"))
    }
}

impl Stream {
    fn of(stream: &(impl std::os::fd::AsFd + io::IsTerminal), columns: Option<usize>) -> Self {
        let asked = rustix::termios::tcgetwinsize(stream).ok();
        let (wide, high) = asked.map_or((0, 0), |size| (size.ws_col.into(), size.ws_row.into()));
        let or = |known: usize, else_: usize| if known > 0 { known } else { else_ };
        Self { terminal: stream.is_terminal(), columns: columns.unwrap_or(or(wide, 100)), rows: or(high, 24) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(env: &[(&str, &str)]) -> Place {
        let stream = Stream { terminal: true, columns: 80, rows: 24 };
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Place { env, stdin_terminal: true, stdout: stream, stderr: stream }
    }

    #[test]
    fn an_explicit_choice_wins_over_the_environment_and_no_color_over_the_rest() {
        let auto = |env: &[(&str, &str)], terminal| place(env).colour(ColorChoice::Auto, terminal);
        assert!(auto(&[], true) && !auto(&[], false));
        assert!(!auto(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], true));
        assert!(auto(&[("CLICOLOR_FORCE", "1")], false) && !auto(&[("CLICOLOR", "0")], true));
        assert!(!auto(&[("TERM", "dumb")], true) && auto(&[("NO_COLOR", "")], true));
        assert!(place(&[("NO_COLOR", "1")]).colour(ColorChoice::Always, false));
        assert!(!place(&[]).colour(ColorChoice::Never, true));
    }

    #[test]
    fn lines_are_redrawn_only_on_a_terminal_that_nobody_logs() {
        assert!(place(&[]).live());
        assert!(!place(&[("CI", "true")]).live() && !place(&[("TERM", "dumb")]).live());
    }

    #[test]
    fn a_relative_xdg_directory_is_ignored() {
        let place = place(&[("XDG_STATE_HOME", "here"), ("HOME", "/home/x")]);
        assert_eq!(place.state(), Some("/home/x/.local/state/coracle".into()));
    }
}
