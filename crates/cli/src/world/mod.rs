//! Where adaptors are assembled into worlds.
//!
//! Owns: the choice of adaptors, and the ports that are too small for a crate of their own. Nothing else in coracle
//! sees an adaptor.

pub(crate) mod clock;
pub(crate) mod download;
pub(crate) mod hold;
pub(crate) mod identity;
pub(crate) mod real;
pub(crate) mod secrets;
pub(crate) mod trust;
