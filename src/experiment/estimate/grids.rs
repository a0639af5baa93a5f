//! The grids of a plan's cases, from which memory and time are estimated.
//!
//! Input: the fingerprint of a run, or else the headers of the data set's files, or else the medians of the plan. Output: one
//! [`Grid`] per training case. No voxel is read.

use rayon::prelude::*;

use crate::fingerprint::{CaseFingerprint, bytes_to_measure};
use crate::plan::read::LoadedPlan;
use crate::plan::schema::{Configuration, Plan};
use crate::preprocess::footprint::{Extent, bytes_to_prepare, read_extent};
use crate::preprocess::target_spacing;
use crate::run::dataset::find_existing_dataset;
use crate::run::fingerprint::SavedFingerprint;
use crate::run::folder::RunFolder;
use crate::volume::axes::slice_first;
use crate::volume::resample::resampled_shape;
use crate::volume::{Shape, Spacing};

/// A training case, without its voxels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    pub(super) extent: Extent,
    /// Shape after cropping, voxels, `[z, y, x]`; that of the image if the fingerprint is missing.
    pub(super) cropped: Shape,
}

impl Grid {
    /// Shape after preprocessing for a configuration, slice axis first.
    pub(super) fn prepared(&self, configuration: &Configuration) -> Shape {
        let spacing = target_spacing(self.extent.spacing, configuration);
        let shape = resampled_shape(self.cropped, self.extent.spacing, spacing);
        Shape(slice_first(configuration.slice_axis).map(|axis| shape.0[axis]))
    }

    /// Whether preprocessing changes the number of voxels along any axis.
    pub(super) fn is_resampled(&self, configuration: &Configuration) -> bool {
        self.prepared(configuration).0 != slice_first(configuration.slice_axis).map(|axis| self.cropped.0[axis])
    }

    pub(super) fn bytes_to_prepare(&self, plan: &Plan, configuration: &Configuration) -> u64 {
        bytes_to_prepare(&self.extent, self.cropped, &plan.preprocess, configuration)
    }

    pub(super) fn bytes_to_measure(&self) -> u64 {
        bytes_to_measure(self.extent.shape, self.extent.channels)
    }
}

/// The grids of a plan's training cases, and their source.
pub(super) fn case_grids(loaded: &LoadedPlan, folder: &RunFolder) -> (Vec<Grid>, &'static str) {
    let plan = &loaded.plan;
    let channels = plan.data.channels.len();
    if let Some(measured) = SavedFingerprint::read_intact(folder).ok().flatten().map(|saved| saved.fingerprint) {
        let grid = |case: &CaseFingerprint| {
            let extent = Extent { shape: case.shape, spacing: case.spacing, channels, labelled: true };
            Grid { extent, cropped: case.cropped_shape }
        };
        return (measured.cases.iter().map(grid).collect(), "the fingerprint");
    }
    if let Ok(Some(dataset)) = find_existing_dataset(loaded) {
        // A file that cannot be read is reported by a later stage.
        let grid = |case| read_extent(case).ok().map(|extent| Grid { extent, cropped: extent.shape });
        let grids: Vec<Grid> = dataset.training.par_iter().filter_map(grid).collect();
        if !grids.is_empty() {
            return (grids, "the headers of the cases");
        }
    }
    let shape = Shape(plan.data.median_shape.map(|edge| (edge.round() as usize).max(1)));
    let extent = Extent { shape, spacing: Spacing(plan.data.median_spacing_mm.0), channels, labelled: true };
    (vec![Grid { extent, cropped: shape }; plan.data.cases], "the plan's median case")
}
