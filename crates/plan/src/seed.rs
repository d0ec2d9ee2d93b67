//! Names that must be new, from a number the caller draws.

/// The number that new names come from. Identifiers only: secrets are made on hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// A new name of 16 hex digits for a purpose; the same seed and purpose give the same name.
    pub fn name(self, purpose: &str) -> String {
        let digest = model::digest::Sha256::of(format!("{:016x} {purpose}", self.0).as_bytes());
        digest.as_str()[..16].to_owned()
    }
}
