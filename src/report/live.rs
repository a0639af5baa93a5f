//! Plots and images that are drawn during a run, into the folders of its networks.

use ndarray::Axis;

use crate::dataset::Case;
use crate::dataset::gate::{read_case, read_labels};
use crate::plan::schema::Train;
use crate::report::figure::slice::slice_png::{PredictedCase, write_slices};
use crate::report::figure::training::write_training_plots;
use crate::run::NetworkId;
use crate::run::folder::FoldFolder;
use crate::run::listener::{Listener, ScoredCases};
use crate::run::log::EpochRow;

/// Draws losses and learning rate after each epoch, and the best, median and worst case after scoring.
///
/// A plot that cannot be drawn does not stop the run: `warn` is called with the reason.
pub(crate) struct LivePlots<'a> {
    warn: &'a (dyn Fn(&str) + Sync),
}

impl<'a> LivePlots<'a> {
    /// Plots that report failures to `warn`.
    pub(crate) fn new(warn: &'a (dyn Fn(&str) + Sync)) -> Self {
        Self { warn }
    }

    fn check(&self, drawn: Result<(), String>) {
        if let Err(reason) = drawn {
            (self.warn)(&format!("warning: not drawn: {reason}"));
        }
    }
}

impl Listener for LivePlots<'_> {
    fn epoch(&self, _: NetworkId, train: &Train, folder: &FoldFolder, rows: &[EpochRow]) {
        self.check(write_training_plots(rows, train, folder).map_err(|error| error.to_string()));
    }

    fn scored(&self, cases: &ScoredCases<'_>) {
        let Some(last) = cases.ranked.len().checked_sub(1) else { return };
        for (name, index) in [("best", 0), ("median", last / 2), ("worst", last)] {
            let (case, dice) = cases.ranked[index];
            self.check(draw_case(cases, case, name, dice));
        }
    }
}

fn draw_case(cases: &ScoredCases<'_>, case: &Case, name: &str, dice: f64) -> Result<(), String> {
    let read = || {
        let (image, reference) = read_case(case, &cases.expected)?;
        let path = cases.folder.prediction(&case.id.0);
        let prediction = read_labels(&case.id, &path, Some(&image.geometry), &cases.expected)?;
        Ok((image, reference, prediction))
    };
    let (image, reference, prediction) = read().map_err(|issues: crate::dataset::gate::Issues| issues.to_string())?;
    let predicted = PredictedCase {
        image: image.voxels.index_axis(Axis(0), 0),
        spacing: image.geometry.spacing,
        reference: reference.labels.view(),
        prediction: prediction.labels.view(),
        labels: cases.expected.labels,
        title: format!("{name} validation case: {}, mean Dice {dice:.3}", case.id),
    };
    write_slices(&predicted, &cases.folder.picture(name)).map_err(|error| error.to_string())
}
