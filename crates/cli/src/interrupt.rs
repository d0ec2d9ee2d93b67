//! Ctrl-C: the first stops cleanly, the second at once.
//!
//! Owns: the signals and the flag. Listens on a thread of its own, so that it works whatever the run is doing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Sender, channel},
    },
    thread,
};

use model::port::Halt;
use tokio::signal::unix::{SignalKind, signal};

use crate::{failure::Kind, output};

/// Whether a question stands on the screen: nothing runs then that would have to end first.
static ASKING: AtomicBool = AtomicBool::new(false);

/// Marks, while it lives, that a question stands on the screen.
pub(crate) struct Asking(());

impl Asking {
    pub(crate) fn begin() -> Self {
        ASKING.store(true, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        ASKING.store(false, Ordering::SeqCst);
    }
}

/// Whether the operator wants to stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens for SIGINT and SIGTERM from the moment this returns.
    pub(crate) fn listen() -> Self {
        let interrupt = Self::default();
        let flag = interrupt.clone();
        let (listening, heard) = channel();
        // Without the thread Ctrl-C still ends the program, only not cleanly: nothing to fail for.
        let _ = thread::Builder::new().name("signals".into()).spawn(move || flag.watch(listening));
        // A run that began before the signals are ours could be ended in the middle. A thread that gives up drops its end.
        let _ = heard.recv();
        interrupt
    }

    fn watch(&self, listening: Sender<()>) {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
        runtime.block_on(async {
            let (Ok(mut int), Ok(mut term)) =
                (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            drop(listening);
            loop {
                tokio::select! { biased; _ = int.recv() => {}, _ = term.recv() => {} }
                if ASKING.load(Ordering::SeqCst) {
                    output::to_stderr("\nnothing was done\n");
                    leave();
                }
                if self.0.swap(true, Ordering::SeqCst) {
                    output::to_stderr("\nstopped at once; run the same command again to go on\n");
                    leave();
                }
                output::to_stderr("\nstopping after the running steps; once more stops at once\n");
            }
        });
    }
}

#[expect(clippy::exit, reason = "the second Ctrl-C means: now")]
fn leave() -> ! {
    std::process::exit(i32::from(Kind::Interrupted.code()))
}

impl Halt for Interrupt {
    fn asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}
