//! Pushing to a registry: the OCI distribution protocol 1.1.
//!
//! Owns: what is sent in which order, and going on after a broken connection. Must not: read the environment; whoever
//! calls brings the credentials.

pub mod credentials;
mod http;
pub mod reference;
mod upload;

use std::time::Duration;

use self::{
    credentials::Credentials,
    http::{Call, Client},
    reference::Reference,
};
use crate::{
    archive::blobs,
    layout::{Layout, LayoutError},
    oci::{CONFIG, Descriptor, INDEX, LAYER, MANIFEST},
};

/// How a push goes about it.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of a blob in one request.
    pub chunk: usize,
    /// How often something is tried again that broke on the way.
    pub tries: u32,
    /// The pause before the second try; each further one is twice as long.
    pub pause: Duration,
    /// Speak HTTP without TLS also to hosts that are not this one.
    pub plain: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { chunk: 8 << 20, tries: 5, pause: Duration::from_millis(500), plain: false }
    }
}

/// What a push did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Blobs that were sent.
    pub sent: usize,
    /// Blobs that the registry had.
    pub there: usize,
    /// Bytes sent, those sent again after a broken connection included.
    pub bytes: u64,
    /// How often an upload was taken up again where it had broken off.
    pub resumed: u32,
}

/// Why a push ended.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A blob could not be read.
    #[error("reading {digest}: {error}")]
    Read {
        /// Which.
        digest: String,
        /// Why.
        error: std::io::Error,
    },
    /// The registry was not reached, or the connection broke too often.
    #[error(
        "{what}: {error}; check the name and the network, then push again: what arrived is not sent again"
    )]
    Broken {
        /// What was being done.
        what: String,
        /// Why it failed.
        error: String,
    },
    /// The registry refused.
    #[error("{what}: the registry says {status}: {words}{cure}")]
    Refused {
        /// What was being done.
        what: String,
        /// The status.
        status: u16,
        /// What it said.
        words: String,
        /// What to do.
        cure: &'static str,
    },
}

/// Pushes the image of a layout.
pub fn push(
    layout: &Layout,
    to: &Reference,
    credentials: Option<Credentials>,
    options: &Options,
) -> Result<Pushed, PushError> {
    let mut client = Client::new(to, credentials, options);
    let mut pushed = Pushed::default();
    let mut done: Vec<Descriptor> = Vec::new();
    let image = layout.image()?;
    // Blobs before the manifests that name them, manifests before the index, the index under its tag.
    for descriptor in blobs(layout, &image)? {
        if done.iter().any(|earlier| earlier.digest == descriptor.digest) {
            continue;
        }
        match descriptor.media_type.as_str() {
            LAYER | CONFIG => upload::blob(&mut client, layout, &descriptor, options, &mut pushed)?,
            _ => {
                let tag = if descriptor.digest == image.digest {
                    to.tag.as_str()
                } else {
                    descriptor.digest.as_str()
                };
                manifest(&mut client, layout, &descriptor, tag, &mut pushed)?;
            }
        }
        done.push(descriptor);
    }
    Ok(pushed)
}

fn manifest(
    client: &mut Client,
    layout: &Layout,
    descriptor: &Descriptor,
    tag: &str,
    pushed: &mut Pushed,
) -> Result<(), PushError> {
    let media = if descriptor.media_type == INDEX { INDEX } else { MANIFEST };
    let bytes = layout.bytes(&descriptor.digest)?;
    let call =
        Call::new("PUT", client.url(&format!("manifests/{tag}"))).with("content-type", media).body(bytes);
    let answer = client.call(&call)?;
    pushed.sent += 1;
    pushed.bytes += descriptor.size;
    answer.expect(&[201], &call)
}
