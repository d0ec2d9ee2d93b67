//! The Kubernetes API, asked through channels that somebody else opens.
//!
//! Owns: TLS to each server's API by its own admin kubeconfig, the few requests coracle makes, and deadlines. Must
//! not: know how a channel comes about (`cli` gives a [`Dial`]), choose what is done, or run or read anything that a
//! kubeconfig names.

mod adaptor;
mod admin;
mod delete;
mod dial;
mod facts;
mod labels;
mod member;
mod observe;
mod trouble;

pub use adaptor::{Admins, KubeApi, Limits};
pub use dial::{Dial, Stream};
