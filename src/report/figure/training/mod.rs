//! Plots of trainings, drawn from their epoch logs.

pub(crate) mod curve;
pub(crate) mod learning_rate;
pub(crate) mod losses;
pub(crate) mod overlay;
#[cfg(test)]
mod tests;

use crate::plan::schema::Train;
use crate::report::error::ReportError;
use crate::report::figure::canvas::write_plot;
use crate::report::figure::training::learning_rate::LearningRatePlot;
use crate::report::figure::training::losses::LossPlot;
use crate::run::folder::FoldFolder;
use crate::run::log::EpochRow;

/// Writes the loss plot and the learning rate plot of a network into its folder, as SVG and PNG. Nothing is written without epochs.
///
/// # Errors
///
/// If a file cannot be written.
pub(crate) fn write_training_plots(rows: &[EpochRow], train: &Train, folder: &FoldFolder) -> Result<(), ReportError> {
    if rows.is_empty() {
        return Ok(());
    }
    write_plot(&LossPlot { rows, train }, &folder.plateau_plot())?;
    write_plot(&LearningRatePlot { rows, train }, &folder.learning_rate_plot())
}
