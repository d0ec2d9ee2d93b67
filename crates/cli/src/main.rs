//! The `coracle` program: one cluster file in, a k3s cluster out.

mod args;
mod command;
mod crash;
mod failure;
mod interrupt;
mod kubeconfig;
mod output;
mod place;
mod run;
mod selection;
mod source;
mod start;
mod ui;
mod world;

fn main() -> std::process::ExitCode {
    start::run()
}
