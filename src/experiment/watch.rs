//! The prediction of a case, watched and stopped between its tiles.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::dataset::CaseId;
use crate::experiment::events::Events;
use crate::predict::Tiles;

/// Reports the tiles of cases, and stops when it was asked to.
#[derive(Clone, Copy)]
pub(super) struct Watch<'a> {
    pub(super) events: &'a dyn Events,
    pub(super) interrupted: &'a AtomicBool,
}

impl<'a> Watch<'a> {
    /// What a prediction calls after each batch of tiles of a case.
    pub(super) fn of(self, case: &'a CaseId) -> impl Fn(Tiles) -> ControlFlow<()> + 'a {
        move |tiles| {
            self.events.tiles(case, tiles);
            if self.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }

    pub(super) fn is_stopped(self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}
