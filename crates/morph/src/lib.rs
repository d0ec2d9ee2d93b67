//! `morph`: a small static web server that stands behind an ingress.
//!
//! Read `site` first: it is the order in which a request is answered. `http` holds what RFC 9110 says about it
//! without a socket, `tree` and `page` what comes from the disk, `conn` and `server` the sockets.

pub mod config;
pub mod conn;
pub mod http;
pub mod log;
pub mod metrics;
pub mod page;
pub mod server;
pub mod site;
pub mod tree;
