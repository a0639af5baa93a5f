//! Values that the plots of trainings share: epochs and learning rates.

use std::ops::Range;

use crate::plan::schema::Train;
use crate::run::log::EpochRow;
use crate::train::stopping;

/// The range of a horizontal axis from epoch 1 to the last one; a single epoch is in its middle.
pub(crate) fn epoch_range(last: usize) -> Range<f64> {
    if last > 1 { 1.0..last as f64 } else { 0.5..1.5 }
}

/// A value of each epoch as points of a curve.
pub(crate) fn curve(rows: &[EpochRow], value: fn(&EpochRow) -> f64) -> impl Iterator<Item = (f64, f64)> + Clone + '_ {
    rows.iter().map(move |row| (row.epoch as f64, value(row)))
}

/// The learning rate below which training may stop, if it can be drawn on a logarithmic axis.
pub(crate) fn stopping_learning_rate(train: &Train) -> Option<f64> {
    stopping::plateau_settings(train).map(|rule| rule.below_learning_rate).filter(|&rate| rate > 0.0)
}
