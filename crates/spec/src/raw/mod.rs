//! The cluster file as it is written: every key of every section, with places, before defaults and rules.
//!
//! Owns: the shape of the file. One declaration of a section yields its struct, its decoder and its JSON Schema, so
//! that the three cannot differ. Must not: judge one field by another (see `check`) or fill in defaults (see `lower`).

mod address;
mod choice;
mod document;
mod k3s;
mod name;
mod os;
mod reader;
mod secret;
mod shape;
mod source;
mod text;

pub(crate) use choice::{CniName, Datastore};
pub(crate) use document::{Document, Kubernetes, Network, Node, Spec, document};
pub(crate) use k3s::Config;
pub(crate) use os::{Item, Module, Os, OsFile, Package, Service, SysctlEntry};
pub(crate) use reader::nearest;
pub(crate) use secret::{secret, takes_secret};
pub(crate) use shape::{Field, List, MapOf, OneOrMany, Shape, Spanned};
