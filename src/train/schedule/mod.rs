//! The learning rate of the next epoch, decided after each epoch.
//!
//! One file per kind of `[train.schedule]`. Each has a state, which a checkpoint keeps, a function `next` and a `describe`.

mod finished_epoch;
mod plateau;

use serde::{Deserialize, Serialize};

pub(crate) use self::finished_epoch::FinishedEpoch;

use self::plateau::Plateau;
use crate::plan::schema::{self, Train};
use crate::run::log::PlateauRow;

/// The state of `[train.schedule]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Schedule {
    /// The learning rate drops at a plateau of the training loss.
    Plateau(Plateau),
}

impl Schedule {
    /// The schedule before the first epoch.
    pub(crate) fn new(train: &Train) -> Self {
        match &train.schedule {
            schema::Schedule::Plateau(settings) => Self::Plateau(Plateau::new(settings)),
        }
    }

    /// Learning rate of the epoch after `finished`.
    pub(crate) fn next(&mut self, finished: FinishedEpoch) -> f64 {
        match self {
            Self::Plateau(schedule) => schedule.next(finished),
        }
    }

    /// The plateau that the schedule watches, for the log; `None` for schedules without one.
    pub(crate) fn plateau(&self) -> Option<PlateauRow> {
        match self {
            Self::Plateau(schedule) => schedule.row(),
        }
    }
}

/// The settings of a schedule that lowers the learning rate at plateaus of the training loss; plots show its threshold and its drops.
///
/// `None` for schedules without a plateau.
#[expect(clippy::unnecessary_wraps, reason = "further schedules have no plateau")]
pub(crate) fn plateau_settings(train: &Train) -> Option<&schema::Plateau> {
    match &train.schedule {
        schema::Schedule::Plateau(settings) => Some(settings),
    }
}

/// The schedule as a sentence of a methods paragraph.
pub(crate) fn describe(train: &Train) -> String {
    match &train.schedule {
        schema::Schedule::Plateau(settings) => plateau::describe(settings, train),
    }
}
