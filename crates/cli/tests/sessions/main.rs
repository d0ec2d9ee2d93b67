//! Sessions at the command line: what people and programs see of coracle. One binary, nothing real, no network but
//! loopback.

mod desk;

mod apply;
mod book;
mod check;
mod examples;
mod exit;
mod lock;
mod reference;
mod rehearse;
mod streams;
mod tired;
