//! Artefacts: brought by download or in chunks, and the integrity record.

use model::{
    digest::Sha256,
    facts::FileMeta,
    op::Origin,
    reply::{Failure, FailureKind, StepReply},
};

use super::{
    Machine,
    apply::{Doing, Done, fail},
    disk::{Blob, Entry},
};

impl Machine {
    pub(super) fn receive(
        &mut self,
        sha256: &Sha256,
        offset: u64,
        doing: &Doing<'_>,
    ) -> Result<StepReply, Failure> {
        let chunk = doing.step.bodies.first().map(|body| body.bytes.expose()).unwrap_or_default();
        let there = self.marks.parts.get(sha256).map_or(0, Vec::len) as u64;
        if there == offset && !chunk.is_empty() {
            self.room()?;
            self.marks.parts.entry(sha256.clone()).or_default().extend_from_slice(chunk);
        }
        Ok(StepReply::Received(self.marks.parts.get(sha256).map_or(0, Vec::len) as u64))
    }

    pub(super) fn fetch(
        &mut self,
        from: &Origin,
        sha256: &Sha256,
        path: &str,
        meta: &FileMeta,
        doing: &mut Doing<'_>,
    ) -> Done {
        let there = self.disk.get(path);
        let right =
            matches!(&there, Some(Entry::File { blob, .. }) if blob.digest().as_ref() == Some(sha256));
        let blob = match (right, there) {
            (true, Some(Entry::File { blob, .. })) => blob,
            (_, Some(Entry::Dir { .. })) => {
                return fail(FailureKind::Conflict, format!("{path} is a directory"));
            }
            _ => self.bring(from, sha256, doing)?,
        };
        let done = self.place(path, Entry::File { meta: meta.clone(), blob }, doing)?;
        self.marks.parts.remove(sha256);
        Ok(done)
    }

    fn bring(&mut self, from: &Origin, sha256: &Sha256, doing: &Doing<'_>) -> Result<Blob, Failure> {
        self.expect(doing)?;
        let known = doing.shelf.bytes(sha256);
        let part = self.marks.parts.get(sha256).cloned();
        let whole = part.as_ref().is_some_and(|part| Sha256::of(part) == *sha256 || known == Some(part));
        let (source, bytes) = match (from, part) {
            (Origin::Url(url), Some(part)) if whole => (url, part),
            (Origin::Url(url), _) => (url, self.download(url, sha256, doing)?),
            (Origin::Sent { name, .. }, Some(part)) => (name, part),
            (Origin::Sent { name, .. }, None) => {
                return fail(FailureKind::Missing, format!("nothing of {name} was sent to this host yet"));
            }
        };
        if Sha256::of(&bytes) == *sha256 {
            return Ok(Blob::new(bytes));
        }
        // A stand-in for a real release is known by that release's digest.
        if known == Some(&bytes) {
            return Ok(Blob::standing_for(bytes, sha256.clone()));
        }
        self.marks.parts.remove(sha256);
        let text = format!("{source} has sha256 {}, wanted is {sha256}", Sha256::of(&bytes));
        fail(FailureKind::Checksum, text)
    }

    fn download(&self, url: &str, sha256: &Sha256, doing: &Doing<'_>) -> Result<Vec<u8>, Failure> {
        if self.build.fetcher.is_none() {
            return fail(FailureKind::Missing, "neither curl nor wget on this host");
        }
        if !self.link.internet {
            return fail(FailureKind::Download, format!("{url}: network is unreachable"));
        }
        self.room()?;
        match doing.shelf.download(url, sha256) {
            Some(bytes) => Ok(bytes.to_vec()),
            None => fail(FailureKind::Download, format!("{url}: 404 Not Found")),
        }
    }

    pub(super) fn record_integrity(&mut self, paths: &[String], doing: &Doing<'_>) -> Done {
        let now: std::collections::BTreeMap<_, _> =
            paths.iter().map(|path| (path.clone(), self.digest_of(path))).collect();
        if now == self.marks.integrity {
            return Ok(false);
        }
        self.expect(doing)?;
        self.room()?;
        self.marks.integrity = now;
        self.marks.told_integrity.clear();
        Ok(true)
    }

    pub(super) fn digest_of(&self, path: &str) -> Option<Sha256> {
        self.disk.file(path)?.digest()
    }
}
