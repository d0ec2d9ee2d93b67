//! `image`: container images from static binaries and a tree of files, without a daemon and without a base.
//!
//! `build` writes an OCI image layout; `archive` makes of it what `docker load` and `ctr image import` read;
//! `registry` pushes it. The same input gives the same bytes: times, owners, modes and order are decided here.

pub mod archive;
pub mod build;
pub mod digest;
pub mod elf;
pub mod layout;
pub mod oci;
pub mod registry;
