//! Values that the plots of trainings share: epochs, learning rates, settings of schedule and stopping rule.

use std::ops::Range;

use crate::plan::schema::{Plateau, Schedule, Stopping, Train, ValidationPlateau};
use crate::run::log::EpochRow;

/// The range of a horizontal axis from epoch 1 to the last one; a single epoch is in its middle.
pub(crate) fn epoch_range(last: usize) -> Range<f64> {
    if last > 1 { 1.0..last as f64 } else { 0.5..1.5 }
}

/// A value of each epoch as points of a curve.
pub(crate) fn curve(rows: &[EpochRow], value: fn(&EpochRow) -> f64) -> impl Iterator<Item = (f64, f64)> + Clone + '_ {
    rows.iter().map(move |row| (row.epoch as f64, value(row)))
}

/// A learning rate with at most two significant digits, such as `1.2e-5`.
pub(crate) fn format_learning_rate(rate: f64) -> String {
    format!("{rate:.1e}").replace(".0e", "e")
}

/// The settings of a schedule that lowers the learning rate at plateaus of the smoothed training loss.
///
/// `None` for schedules that do not: their plots show neither thresholds nor drops.
pub(crate) fn plateau_of(train: &Train) -> Option<&Plateau> {
    match &train.schedule {
        Schedule::Plateau(plateau) => Some(plateau),
    }
}

/// The settings of the stopping rule on the smoothed validation loss, if there is one.
pub(crate) fn validation_plateau_of(train: &Train) -> Option<&ValidationPlateau> {
    match &train.stopping {
        Stopping::None => None,
        Stopping::ValidationPlateau(rule) => Some(rule),
    }
}

/// The learning rate below which training may stop, if it can be drawn on a logarithmic axis.
pub(crate) fn stopping_learning_rate(train: &Train) -> Option<f64> {
    validation_plateau_of(train).map(|rule| rule.below_learning_rate).filter(|&rate| rate > 0.0)
}
