//! Sessions at the command line: what people and programs see of coracle. One binary, nothing real, no network but
//! loopback.

mod desk;

mod apply;
mod check;
mod exit;
mod lock;
mod reference;
mod rehearse;
mod streams;
mod tired;
