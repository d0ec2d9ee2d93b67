//! A story carried out: somebody edits, applies, dies; hosts fail; and in the end everything must be so.

use model::event::End;
use sim::Ran;

use super::{
    draft::{Draft, can_be_spared},
    tale::{Chapter, Moment, Story},
};
use crate::stage::Stage;

/// Files that are somebody else's, on every machine from the beginning. The last one is wanted by some files.
const THEIRS: [&str; 4] =
    ["/etc/rancher/k3s/registries.yaml", "/etc/sysctl.d/99-theirs.conf", "/srv/data", "/etc/issue.net"];

struct Play {
    stage: Stage,
    draft: Draft,
    /// Data was lost, or a member given up, and the cluster has not been whole since.
    spoilt: bool,
    /// Somebody has worked on the machines.
    begun: bool,
    /// Machines that somebody else put a k3s on.
    foreign: Vec<usize>,
    /// Machines that were installed afresh.
    fresh: Vec<usize>,
}

/// Plays a story; panics where a promise is broken. Data is only ever lost on one server at a time, and only while the
/// others have it: what coracle cannot bring back is not its promise.
pub(crate) fn play(story: &Story) {
    let draft = Draft::new(&story.opening);
    let stage = Stage::new(&draft.of_all().text());
    {
        let mut world = stage.world.borrow_mut();
        if story.opening.systems > 0 {
            world.mix_systems_from(story.opening.systems - 1);
        }
        world.cut_scripts(story.opening.cut);
        let hosts: Vec<_> = world.hosts().cloned().collect();
        for host in hosts {
            for path in THEIRS {
                world.write(&host, path, "theirs");
            }
        }
    }
    let mut play = Play { stage, draft, spoilt: false, begun: false, foreign: Vec::new(), fresh: Vec::new() };
    play.file();
    for chapter in &story.chapters {
        play.chapter(chapter);
        play.stage.is_unharmed();
    }
    play.comes_right(story.opening.servers + story.opening.agents);
}

impl Play {
    fn file(&mut self) {
        self.stage.edit(&self.draft.text());
    }

    fn chapter(&mut self, chapter: &Chapter) {
        self.begun |= matches!(chapter, Chapter::Applies | Chapter::Dies(_) | Chapter::Saved(_));
        match chapter {
            Chapter::Dies(heard) => {
                self.stage.world.borrow_mut().die_after(*heard);
                let _ = self.stage.apply();
                self.stage.world.borrow_mut().die_after(u64::MAX);
            }
            Chapter::Applies => match self.stage.apply() {
                Ran::Done(done) => self.spoilt &= !matches!(done.end, End::Converged { .. }),
                Ran::Died => {}
                Ran::Stuck { .. } => panic!("stuck: {}", self.stage.last_words()),
            },
            Chapter::Saved(span) => {
                let saved = self.stage.save();
                self.stage.pass(*span);
                self.stage.carry_out_saved(&saved);
            }
            Chapter::GivesUp(n) => self.give_up(*n),
            Chapter::Edit(edit) => {
                self.draft.edit(*edit, &self.stage, self.spoilt);
                self.file();
            }
            Chapter::Passes(seconds) => self.stage.pass(*seconds),
            Chapter::Fault(fault, n, moment) => self.strike(fault, *n, *moment),
        }
    }

    /// Without force, which may cost what cannot be brought back.
    fn give_up(&mut self, n: usize) {
        let host = self.draft.machine(n);
        let server = host.as_str().starts_with('s');
        if !self.draft.names(n) || server && (self.spoilt || !can_be_spared(&self.stage, &host)) {
            return;
        }
        self.spoilt |= server;
        let _ = self.stage.give_up_node(&host);
    }

    /// Lets a fault happen, unless it would take data that exists nowhere else.
    fn strike(&mut self, fault: &str, n: usize, moment: Moment) {
        let host = self.draft.machine(n);
        let (verb, rest) = fault.split_once(' ').unwrap_or((fault, ""));
        match verb {
            "reinstall" | "wipe" => {
                if self.spoilt || !self.draft.names(n) || !self.draft.bears_the_loss(n, &self.stage) {
                    return;
                }
                self.spoilt = true;
                if verb == "reinstall" {
                    self.fresh.push(n);
                }
                return self.stage.fault(&format!("{verb} {host}"));
            }
            // Nobody's installer runs where coracle has been.
            "foreign" if self.begun || self.foreign.contains(&n) => return,
            "foreign" => {
                self.foreign.push(n);
                return self.stage.fault(&format!("{verb} {host}"));
            }
            _ => {}
        }
        let (now, ended) = {
            let world = self.stage.world.borrow();
            (world.now().as_secs(), world.steps_ended())
        };
        let when = match moment {
            Moment::Seconds(span) => format!("at {}s", now + span),
            Moment::Steps(steps) => format!("after {} steps", ended + steps),
        };
        self.stage.fault(&format!("{verb} {host} {rest} {when}"));
    }

    /// The faults are over, the file says something that can be had, and somebody applies again.
    fn comes_right(&mut self, machines: usize) {
        self.draft = self.draft.mended();
        self.file();
        self.stage.pass(300);
        self.stage.world.borrow_mut().forget_faults();
        for n in 0..machines {
            self.stage.fault(&format!("heal {}", self.draft.machine(n)));
        }
        for n in std::mem::take(&mut self.foreign) {
            self.stage.fault(&format!("reinstall {}", self.draft.machine(n)));
            self.fresh.push(n);
        }
        self.stage.pass(300);
        for _ in 0..2 {
            self.tries_once_more();
        }
        if self.stage.finds("version-refused") {
            for step in self.draft.through_every_release() {
                self.draft = step;
                self.file();
                self.tries_once_more();
            }
        }
        self.names_who_is_behind();
        self.stage.apply_to_the_end();
        assert!(self.stage.world.borrow().clusters_alive() <= 1, "there is a second cluster");
        self.theirs_is_untouched(machines);
    }

    fn tries_once_more(&mut self) {
        self.names_who_is_behind();
        let _ = self.stage.apply();
        self.stage.pass(90);
    }

    /// Does what the finding says to do.
    fn names_who_is_behind(&mut self) {
        if self.stage.finds("server-behind") {
            self.draft = self.draft.with_every_member(&self.stage);
            self.file();
        }
    }

    fn theirs_is_untouched(&self, machines: usize) {
        let wanted = self.draft.text().contains("/etc/issue.net");
        let world = self.stage.world.borrow();
        for n in (0..machines).filter(|n| !self.fresh.contains(n)) {
            let host = self.draft.machine(n);
            // Who left the file keeps what he had.
            let left_alone = if wanted || !self.draft.names(n) { &THEIRS[..3] } else { &THEIRS[..] };
            for path in left_alone {
                assert_eq!(world.file(&host, path).as_deref(), Some("theirs"), "{path} on {host}");
            }
        }
    }
}
