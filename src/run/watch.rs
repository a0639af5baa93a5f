//! A prediction that reports its progress and can be stopped between tiles.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::dataset::CaseId;
use crate::run::listener::{Listener, Tiles};

/// Whom to report to, and the flag that asks to stop.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Receives the progress.
    pub listener: &'a dyn Listener,
    /// Set by a signal.
    pub interrupted: &'a AtomicBool,
}

impl<'a> Watch<'a> {
    /// The callback of a prediction of `case`, called after each batch of tiles.
    pub fn on_tiles(self, case: &'a CaseId) -> impl Fn(Tiles) -> ControlFlow<()> + 'a {
        move |tiles| {
            self.listener.tiles(case, tiles);
            if self.is_interrupted() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }

    /// Whether a signal asked to stop.
    pub fn is_interrupted(self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}
