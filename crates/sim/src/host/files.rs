//! Files, directories, links, modes and secrets: placing them, keeping what was there, and giving it back.

use model::{
    digest::Sha256,
    facts::{Before, FileMeta},
    reply::{Failure, FailureKind},
    resource::{Kind, ResourceId},
};

use super::{
    Machine,
    apply::{Doing, Done, Effect, fail},
    disk::{Blob, Entry},
};

impl Machine {
    pub(super) fn put_file(
        &mut self,
        path: &str,
        meta: &FileMeta,
        later: Option<&Sha256>,
        doing: &mut Doing<'_>,
    ) -> Done {
        if let (Some(later), Some(Entry::File { blob, .. })) = (later, self.disk.get(path))
            && blob.digest().as_ref() == Some(later)
        {
            return Ok(false);
        }
        let Some(body) = doing.step.bodies.first() else {
            return fail(FailureKind::Missing, format!("{path}: its content did not come with the step"));
        };
        let (bytes, secret) = (body.bytes.expose().to_vec(), body.secret);
        let done = self.place(path, Entry::File { meta: meta.clone(), blob: Blob::new(bytes) }, doing)?;
        if secret {
            self.marks.secret_paths.insert(path.to_owned());
        } else {
            self.marks.secret_paths.remove(path);
        }
        Ok(done)
    }

    pub(super) fn put_link(&mut self, path: &str, target: &str, doing: &mut Doing<'_>) -> Done {
        self.place(path, Entry::Link { target: target.to_owned() }, doing)
    }

    /// Puts a file or link where it belongs and keeps what was there, when that was not coracle's.
    pub(super) fn place(&mut self, path: &str, wanted: Entry, doing: &mut Doing<'_>) -> Done {
        let there = self.disk.get(path);
        if there.as_ref().is_some_and(|there| is_as(there, &wanted)) {
            self.keep(there.as_ref(), doing);
            return Ok(doing.noted);
        }
        not_a(&[Kinds::Dir, Kinds::Special], path, there.as_ref())?;
        self.expect(doing)?;
        self.room()?;
        self.watch_trespass(Kind::File, path, there.is_some(), doing);
        self.keep(there.as_ref(), doing);
        if let Entry::File { meta, .. } = &wanted {
            self.knows(path, meta)?;
        }
        self.put(path, wanted)?;
        Ok(true)
    }

    pub(super) fn put(&mut self, path: &str, entry: Entry) -> Result<(), Failure> {
        let above = path.match_indices('/').skip(1).map(|(end, _)| path[..end].to_owned());
        let made: Vec<_> = above.filter(|above| !self.disk.has(above)).collect();
        self.marks.made.extend(made);
        self.disk.put(path, entry).or_else(|why| fail(FailureKind::Command, why))
    }

    /// What is not coracle's may be changed only when it is taken into ownership.
    fn watch_trespass(&self, kind: Kind, path: &str, is_there: bool, doing: &mut Doing<'_>) {
        if is_there && doing.step.own.is_none() && !self.owns(&ResourceId::new(kind, path)) {
            doing.effects.push(Effect::Trespassed(path.to_owned()));
        }
    }

    /// Records ownership, with a copy of what was there before.
    fn keep(&mut self, there: Option<&Entry>, doing: &mut Doing<'_>) {
        let Some(resource) = doing.step.own.clone().filter(|resource| !self.owns(resource)) else { return };
        match there {
            Some(entry @ (Entry::File { .. } | Entry::Link { .. })) => {
                self.marks.kept.insert(resource, entry.clone());
                self.own(doing, Before::Kept);
            }
            _ => self.own(doing, Before::Nothing),
        }
    }

    pub(super) fn put_dir(&mut self, path: &str, meta: &FileMeta, doing: &mut Doing<'_>) -> Done {
        let there = self.disk.get(path);
        let before = match &there {
            Some(Entry::Dir { meta }) => Before::Meta(meta.clone()),
            _ => Before::Nothing,
        };
        if matches!(&there, Some(Entry::Dir { meta: is }) if is == meta) {
            self.own(doing, before);
            return Ok(doing.noted);
        }
        not_a(&[Kinds::File, Kinds::Link, Kinds::Special], path, there.as_ref())?;
        self.expect(doing)?;
        self.room()?;
        self.watch_trespass(Kind::Dir, path, there.is_some(), doing);
        self.own(doing, before);
        self.knows(path, meta)?;
        self.put(path, Entry::Dir { meta: meta.clone() })?;
        Ok(true)
    }

    pub(super) fn set_meta(&mut self, path: &str, wanted: &FileMeta, doing: &mut Doing<'_>) -> Done {
        let Some(there) = self.disk.get(path) else { return Ok(false) };
        not_a(&[Kinds::Link, Kinds::Special], path, Some(&there))?;
        let (Entry::File { meta, .. } | Entry::Dir { meta }) = &there else { return Ok(false) };
        if meta == wanted {
            self.own(doing, Before::Meta(meta.clone()));
            return Ok(doing.noted);
        }
        self.expect(doing)?;
        self.watch_trespass(Kind::Mode, path, true, doing);
        self.own(doing, Before::Meta(meta.clone()));
        self.knows(path, wanted)?;
        self.put_meta(path, wanted.clone());
        Ok(true)
    }

    fn put_meta(&mut self, path: &str, meta: FileMeta) {
        let entry = match self.disk.get(path) {
            Some(Entry::File { blob, .. }) => Entry::File { meta, blob },
            Some(Entry::Dir { .. }) => Entry::Dir { meta },
            _ => return,
        };
        self.disk.put(path, entry).expect("what is there can be there");
    }

    /// Whether the machine has this user and group.
    fn knows(&self, path: &str, meta: &FileMeta) -> Result<(), Failure> {
        let unknown = |name: &&String| !self.build.users.contains(*name) && name.parse::<u32>().is_err();
        match [&meta.owner, &meta.group].into_iter().find(unknown) {
            Some(name) => fail(FailureKind::Command, format!("{path}: no user or group named {name}")),
            None => Ok(()),
        }
    }

    pub(super) fn make_secret(&mut self, path: &str, bytes: u16, doing: &mut Doing<'_>) -> Done {
        let there = self.disk.get(path);
        if matches!(&there, Some(Entry::File { blob, .. }) if blob.bytes() != Some(&[])) {
            self.keep(there.as_ref(), doing);
            return Ok(doing.noted);
        }
        not_a(&[Kinds::Dir], path, there.as_ref())?;
        self.expect(doing)?;
        self.room()?;
        self.keep(there.as_ref(), doing);
        let mut hex = String::new();
        while hex.len() < usize::from(bytes) * 2 {
            let seed = format!("secret {} {path} {} {}", self.name, doing.draw, hex.len());
            hex.push_str(model::digest::Sha256::of(seed.as_bytes()).as_str());
        }
        hex.truncate(usize::from(bytes) * 2);
        doing.effects.push(Effect::Learned(hex.clone().into_bytes()));
        let blob = Blob::new(format!("{hex}\n"));
        self.put(path, Entry::File { meta: super::disk::root(0o600), blob })?;
        self.marks.secret_paths.insert(path.to_owned());
        Ok(true)
    }

    /// Gives up an owned resource.
    pub(super) fn restore(&mut self, resource: &ResourceId, doing: &mut Doing<'_>) -> Done {
        let Some(owned) = self.marks.owned.get(resource).cloned() else { return Ok(false) };
        self.expect(doing)?;
        let path = resource.name.clone();
        match (resource.kind, owned.before) {
            (Kind::File, before) => self.restore_file(resource, &before)?,
            (Kind::Dir, Before::Nothing) => {
                self.disk.remove_empty(&path);
                self.childless(&path);
            }
            (Kind::Dir | Kind::Mode, Before::Meta(meta)) => self.put_meta(&path, meta),
            (Kind::Service, before) => self.give_service_back(&path, &before, doing),
            (Kind::Dir | Kind::Mode | Kind::Package | Kind::Kernel, _) => {}
        }
        self.marks.owned.remove(resource);
        Ok(true)
    }

    fn restore_file(&mut self, resource: &ResourceId, before: &Before) -> Result<(), Failure> {
        let path = &resource.name;
        match self.marks.kept.get(resource).filter(|_| *before == Before::Kept).cloned() {
            Some(entry) => {
                self.room()?;
                self.put(path, entry)?;
            }
            None if matches!(self.disk.get(path), Some(Entry::Dir { .. })) => {
                return fail(FailureKind::Command, format!("rm: cannot remove {path}: Is a directory"));
            }
            None => {
                self.disk.remove(path);
                self.childless(path);
            }
        }
        // While a revert is armed the resource may become coracle's again, and be given up a second time.
        if self.marks.armed.is_none() {
            self.marks.kept.remove(resource);
        }
        self.marks.secret_paths.remove(path);
        Ok(())
    }

    /// Takes away the directories that were made for a path, as far as nothing else is in them.
    fn childless(&mut self, path: &str) {
        for (end, _) in path.rmatch_indices('/') {
            let above = &path[..end];
            if self.disk.has_below(above) || !self.marks.made.remove(above) {
                return;
            }
            self.disk.remove(above);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kinds {
    File,
    Dir,
    Link,
    Special,
}

/// What must not be at the place of something else.
fn not_a(kinds: &[Kinds], path: &str, there: Option<&Entry>) -> Result<(), Failure> {
    let Some(there) = there else { return Ok(()) };
    let (kind, words) = match there {
        Entry::File { .. } => (Kinds::File, "a file"),
        Entry::Dir { .. } => (Kinds::Dir, "a directory"),
        Entry::Link { .. } => (Kinds::Link, "a link"),
        Entry::Special => (Kinds::Special, "a device, socket or pipe"),
    };
    if kinds.contains(&kind) { fail(FailureKind::Conflict, format!("{path} is {words}")) } else { Ok(()) }
}

fn is_as(there: &Entry, wanted: &Entry) -> bool {
    match (there, wanted) {
        (Entry::File { meta, blob }, Entry::File { meta: wanted_meta, blob: wanted }) => {
            meta == wanted_meta && blob.is_as(wanted)
        }
        (there, wanted) => there == wanted,
    }
}
