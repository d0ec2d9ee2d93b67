//! Whether a resource already is as it is wanted.

use model::facts::{Content as Seen, FileFact, FileMeta, ServiceFact};
use model::secret::Content;

use crate::{site::Site, want::Want};

/// Whether a want is already so. A file that was placed but is not recorded as owned counts as not so: taking it
/// over is a change.
pub(crate) fn is_so(site: &Site<'_>, want: &Want) -> bool {
    let stable = site.stable();
    let fact = |path: &String| stable.files.get(path);
    match want {
        Want::File { path, meta, content } => fact(path).is_some_and(|fact| file_is(fact, meta, content)),
        Want::Link { path, target } => fact(path).is_some_and(|fact| link_is(fact, target)),
        // Nothing to do where nothing is.
        Want::Meta { path, meta } => fact(path).is_none_or(|fact| meta_is(fact, meta)),
        Want::Package { name } => stable.installed.get(name).copied().unwrap_or(false),
        Want::Sysctl { key, value } => {
            stable.sysctls.get(key).is_some_and(|now| sysctl_is(now.as_ref(), value))
        }
        Want::Module { name } => stable.modules.get(name).copied().unwrap_or(false),
        Want::Service { name, enabled, running } => {
            stable.services.get(name).is_some_and(|fact| service_is(fact, *enabled, *running))
        }
    }
}

/// Whether a file has this mode, owner and content.
pub(crate) fn file_is(fact: &FileFact, meta: &FileMeta, content: &Content) -> bool {
    let FileFact::File { meta: now, content: seen } = fact else { return false };
    let same = match (content.public(), seen) {
        (Some(text), Seen::Digest(digest)) => *digest == model::digest::Sha256::of(text.as_bytes()),
        (None, Seen::Keyed { wanted, .. }) => *wanted == Some(true),
        _ => false,
    };
    same && now == meta
}

/// Whether a link points there.
fn link_is(fact: &FileFact, target: &str) -> bool {
    matches!(fact, FileFact::Link { target: now } if now == target)
}

/// Whether mode and owner are these; true where nothing is, or what is there has none of its own.
pub(crate) fn meta_is(fact: &FileFact, meta: &FileMeta) -> bool {
    match fact {
        FileFact::File { meta: now, .. } | FileFact::Dir { meta: now } => now == meta,
        FileFact::Absent | FileFact::Link { .. } | FileFact::Special => true,
    }
}

/// The kernel writes lists of numbers with tabs between.
fn sysctl_is(now: Option<&String>, value: &str) -> bool {
    now.is_some_and(|now| now.split_whitespace().eq(value.split_whitespace()))
}

fn service_is(fact: &ServiceFact, enabled: bool, running: bool) -> bool {
    // A service that the host does not know is as good as disabled and stopped.
    (fact.enabled, fact.active) == (enabled, running)
}
