//! Uploading a blob in chunks, and going on where it broke off.
//!
//! Owns: the order of POST, PATCH and PUT, and asking how far an upload came. Must not: know credentials.

use std::io::{Read, Seek, SeekFrom};

use super::{
    Options, PushError, Pushed,
    http::{Answer, Call, Client},
};
use crate::{layout::Layout, oci::Descriptor};

/// Sends a blob unless the registry has it.
pub(super) fn blob(
    client: &mut Client,
    layout: &Layout,
    blob: &Descriptor,
    options: &Options,
    pushed: &mut Pushed,
) -> Result<(), PushError> {
    let call = Call::new("HEAD", client.url(&format!("blobs/{}", blob.digest)));
    let answer = client.call(&call)?;
    if answer.status == 200 {
        pushed.there += 1;
        return Ok(());
    }
    answer.expect(&[404], &call)?;
    let call = Call::new("POST", client.url("blobs/uploads/"));
    let answer = client.call(&call)?;
    answer.expect(&[202], &call)?;
    let mut upload = Upload { client, layout, blob, options, location: String::new(), offset: 0 };
    upload.moved(&answer);
    upload.send(pushed)?;
    pushed.sent += 1;
    Ok(())
}

struct Upload<'a> {
    client: &'a mut Client,
    layout: &'a Layout,
    blob: &'a Descriptor,
    options: &'a Options,
    location: String,
    /// What the registry has.
    offset: u64,
}

impl Upload<'_> {
    fn moved(&mut self, answer: &Answer) {
        if let Some(location) = &answer.location {
            self.location = self.client.resolve(location);
        }
    }

    fn send(&mut self, pushed: &mut Pushed) -> Result<(), PushError> {
        let mut broken = 0;
        while self.offset < self.blob.size {
            let chunk = self.chunk()?;
            let (length, last) = (chunk.len() as u64, self.offset + chunk.len() as u64 - 1);
            let call = Call::new("PATCH", self.location.clone())
                .with("content-type", "application/octet-stream")
                .with("content-range", format!("{}-{last}", self.offset))
                .body(chunk);
            let answer = self.client.once(&call);
            pushed.bytes += length;
            match answer {
                Ok(answer) if !answer.is_passing() && answer.status != 416 => {
                    answer.expect(&[202, 204], &call)?;
                    self.moved(&answer);
                    self.offset = last + 1;
                }
                failed => {
                    broken += 1;
                    if broken >= self.options.tries {
                        return failed.and_then(|answer| answer.expect(&[202], &call));
                    }
                    self.client.rest(broken);
                    self.ask()?;
                    pushed.resumed += 1;
                }
            }
        }
        self.close()
    }

    fn chunk(&self) -> Result<Vec<u8>, PushError> {
        let mut file = self.layout.blob(&self.blob.digest)?;
        let mut chunk = Vec::new();
        let read = file.seek(SeekFrom::Start(self.offset)).and_then(|_| {
            let most = (self.blob.size - self.offset).min(self.options.chunk.max(1) as u64);
            file.take(most).read_to_end(&mut chunk)
        });
        let failed = |error| PushError::Read { digest: self.blob.digest.to_string(), error };
        if read.map_err(failed)? == 0 {
            return Err(failed(std::io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(chunk)
    }

    /// How far the upload came; one that the registry forgot begins anew.
    fn ask(&mut self) -> Result<(), PushError> {
        let call = Call::new("GET", self.location.clone());
        let answer = self.client.call(&call)?;
        if answer.status == 404 {
            let call = Call::new("POST", self.client.url("blobs/uploads/"));
            let answer = self.client.call(&call)?;
            answer.expect(&[202], &call)?;
            self.moved(&answer);
            self.offset = 0;
            return Ok(());
        }
        answer.expect(&[204, 202], &call)?;
        self.moved(&answer);
        // `0-0` is one byte by the letter, and nothing yet as registries use it; one byte sent again does no harm only
        // if it is asked for, so nothing is assumed.
        let last = answer.range.as_deref().and_then(|range| range.rsplit('-').next()?.parse::<u64>().ok());
        self.offset = last.filter(|&last| last > 0).map_or(0, |last| last + 1).min(self.blob.size);
        Ok(())
    }

    fn close(&mut self) -> Result<(), PushError> {
        let sign = if self.location.contains('?') { '&' } else { '?' };
        let url = format!("{}{sign}digest={}", self.location, self.blob.digest.as_str().replace(':', "%3A"));
        let call = Call::new("PUT", url).with("content-type", "application/octet-stream");
        self.client.call(&call)?.expect(&[201], &call)
    }
}
