//! Where events go: to a terminal that is redrawn, to plain lines, or to a stream for programs.
//!
//! Owns: the choice of the three, and the pace of a rehearsal. Lines for people go to standard error, the stream to
//! standard output.

use std::{cell::RefCell, thread, time::Duration};

use engine::journal;
use model::{event::Event, port::Events};

use super::{
    line::Teller,
    live::{Live, Size},
    paint::Paint,
};
use crate::{
    args::{Global, Output},
    failure::Failure,
    output,
    place::Place,
};

/// Version of the form of everything that `-o json` prints.
pub(crate) const SCHEMA: u32 = journal::SCHEMA;

/// Takes events and shows them.
#[derive(Debug)]
pub(crate) struct Screen(RefCell<Inner>);

#[derive(Debug)]
struct Inner {
    form: Form,
    teller: Teller,
    paint: Paint,
    size: Size,
    pace: Option<u32>,
    at: Duration,
    broken: Option<Failure>,
}

#[derive(Debug)]
enum Form {
    Live(Box<Live>),
    Plain,
    Json,
    Silent,
}

impl Screen {
    /// A screen for a run on hosts whose longest name has `width` characters.
    pub(crate) fn new(global: &Global, place: &Place, width: usize) -> Self {
        let form = match global.output {
            Output::Json => Form::Json,
            Output::Text if place.live() => Form::Live(Box::default()),
            Output::Text => Form::Plain,
        };
        let paint = Paint(place.colour(global.color, place.stderr.terminal));
        let teller = Teller::new(global.verbose > 0, width);
        let size = Size { columns: place.stderr.columns, rows: place.stderr.rows };
        Self(RefCell::new(Inner { form, teller, paint, size, pace: None, at: Duration::ZERO, broken: None }))
    }

    /// Streams nothing to programs: for verbs whose only answer is one document.
    pub(crate) fn one_document(self) -> Self {
        let mut inner = self.0.into_inner();
        if matches!(inner.form, Form::Json) {
            inner.form = Form::Silent;
        }
        Self(RefCell::new(inner))
    }

    /// Leaves the first plan to whoever shows it as a whole.
    pub(crate) fn without_first_plan(self) -> Self {
        self.0.borrow_mut().teller.shows_plan = true;
        self
    }

    /// Lets virtual time pass on a live terminal at this many times the speed of real time, so that a person can
    /// follow.
    pub(crate) fn paced(self, speed: u32) -> Self {
        self.0.borrow_mut().pace = (speed > 0).then_some(speed);
        self
    }

    /// Redraws the foot, so that elapsed times go on while nothing happens.
    pub(crate) fn tick(&self, now: Duration) {
        let mut inner = self.0.borrow_mut();
        inner.at = inner.at.max(now);
        if matches!(&inner.form, Form::Live(live) if live.may_tick()) {
            inner.redraw("");
        }
    }

    /// Takes the foot away for good, or until the next event.
    pub(crate) fn rest(&self) {
        if let Form::Live(live) = &mut self.0.borrow_mut().form {
            output::to_stderr(&live.clear());
        }
    }

    /// What became of the stream: an error when its reader went away.
    pub(crate) fn outcome(&self) -> Result<(), Failure> {
        self.0.borrow_mut().broken.take().map_or(Ok(()), Err)
    }
}

impl Events for Screen {
    fn tell(&self, event: Event) {
        self.0.borrow_mut().tell(&event);
    }
}

impl Inner {
    fn tell(&mut self, event: &Event) {
        self.walk(event.at);
        let lines = self.teller.tell(event);
        let text: String = lines.iter().map(|line| line.show(self.paint, self.teller.width)).collect();
        match &mut self.form {
            Form::Json if self.broken.is_none() => {
                self.broken = output::to_stdout(&(journal::line(event) + "\n")).err();
            }
            Form::Json | Form::Silent => {}
            Form::Plain => output::to_stderr(&text),
            Form::Live(live) => {
                live.hear(event);
                self.redraw(&text);
            }
        }
    }

    /// Lets the time between two events of a rehearsal pass, in frames.
    fn walk(&mut self, to: Duration) {
        const FRAME: Duration = Duration::from_millis(40);
        if let (Some(speed), Form::Live(_)) = (self.pace, &self.form) {
            while self.at + FRAME * speed < to {
                thread::sleep(FRAME);
                self.at += FRAME * speed;
                self.redraw("");
            }
        }
        self.at = self.at.max(to);
    }

    fn redraw(&mut self, line: &str) {
        if let Form::Live(live) = &mut self.form {
            let foot = live.clear();
            output::to_stderr(&(foot + line + &live.draw(self.at, self.size, self.paint)));
        }
    }
}
