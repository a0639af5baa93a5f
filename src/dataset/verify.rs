//! The integrity of a data set: every fault of every case at once.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::{Case, CaseId, Dataset};
use crate::volume::nifti::{NiftiFault, read_image, read_labels};
use crate::volume::{Geometry, LabelMap, Shape, Spacing};

/// How far two spacings may differ, as a part of themselves: more than single precision and decimal headers lose.
const SPACING_TOLERANCE: f64 = 1e-3;
/// How far a corner voxel may be displaced between two grids, in edges of the smallest voxel side: too little to matter
/// to any label, and more than tools lose when they write an affine anew.
const PLACEMENT_TOLERANCE: f64 = 0.1;

/// One fault of one file.
#[derive(Debug)]
pub struct Fault {
    /// The case.
    pub case: CaseId,
    /// The file that is at fault.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: FaultKind,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "case `{}`: `{}` {}", self.case, self.path.display(), self.kind)
    }
}

/// What is wrong with a file, as the end of a sentence that begins with its path.
#[derive(Debug, thiserror::Error)]
pub enum FaultKind {
    /// Missing, damaged, or not made of numbers that can be used; a label map that is not made of integers.
    #[error(transparent)]
    File(NiftiFault),
    /// The files of a case have another number of channels than the data set declares.
    #[error(
        "and the case's other images have {found} channels, and `dataset.json` declares {expected}: mend one of them"
    )]
    Channels {
        /// As declared.
        expected: usize,
        /// As found in all files of the case.
        found: usize,
    },
    /// Another shape than the case's first image.
    #[error("has {found} voxels and the case's image {expected} (z × y × x): resample or replace one of them")]
    Shape {
        /// Shape of the first image.
        expected: Shape,
        /// Shape of this file.
        found: Shape,
    },
    /// Another spacing than the case's first image.
    #[error("has a spacing of {found} and the case's image {expected} (z × y × x): correct the header that is wrong")]
    Spacing {
        /// Spacing of the first image.
        expected: Spacing,
        /// Spacing of this file.
        found: Spacing,
    },
    /// Another place in the world than the case's first image.
    #[error(
        "lies elsewhere than the case's image, by {displacement_mm:.3} mm at the worst corner: correct the sform or qform \
         that is wrong, or resample one to the other"
    )]
    Placement {
        /// Largest displacement of a corner voxel.
        displacement_mm: f64,
    },
    /// Intensities that are not finite numbers.
    #[error("has {voxels} voxels that are NaN or infinite, of {channels} channels: replace them, for example by 0")]
    NotFinite {
        /// How many.
        voxels: usize,
        /// In how many channels of the file.
        channels: usize,
    },
    /// Labels that the description does not declare.
    #[error("has labels that `dataset.json` does not declare: {}; declare or relabel them", counts(values))]
    UndeclaredLabels {
        /// Number of voxels by label.
        values: BTreeMap<i16, usize>,
    },
}

fn counts(values: &BTreeMap<i16, usize>) -> String {
    let listed: Vec<String> = values.iter().map(|(label, voxels)| format!("{label} ({voxels} voxels)")).collect();
    listed.join(", ")
}

/// Reads every file of a data set, in parallel, and returns every fault, in the order of the cases, training first.
///
/// `on_done` is called after each case. At most one case a thread is in memory. Labels below -1 are no faults: they are
/// read as background (see [`read_labels`]).
pub fn verify(dataset: &Dataset, on_done: &(dyn Fn() + Sync)) -> Vec<Fault> {
    let cases: Vec<&Case> = dataset.training.iter().chain(&dataset.test).collect();
    let faults: Vec<Vec<Fault>> = cases
        .into_par_iter()
        .map(|case| {
            let faults = verify_case(dataset, case);
            on_done();
            faults
        })
        .collect();
    faults.into_iter().flatten().collect()
}

fn verify_case(dataset: &Dataset, case: &Case) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut add = |path: &Path, kind: FaultKind| {
        faults.push(Fault { case: case.id.clone(), path: path.to_owned(), kind });
    };
    let mut reference: Option<Geometry> = None;
    let (mut channels, mut all_read) = (0, true);
    for path in &case.images {
        // One file at a time, so that each is named with its own faults.
        let image = match read_image(std::slice::from_ref(path)) {
            Ok(image) => image,
            Err(error) => {
                add(path, FaultKind::File(error.fault));
                all_read = false;
                continue;
            }
        };
        channels += image.voxels.dim().0;
        let broken: Vec<usize> = image
            .voxels
            .outer_iter()
            .map(|channel| channel.iter().filter(|value| !value.is_finite()).count())
            .filter(|&voxels| voxels > 0)
            .collect();
        if !broken.is_empty() {
            add(path, FaultKind::NotFinite { voxels: broken.iter().sum(), channels: broken.len() });
        }
        match &reference {
            Some(first) => {
                for kind in compare(first, &image.geometry) {
                    add(path, kind);
                }
            }
            None => reference = Some(image.geometry),
        }
    }
    if let Some(first) = case.images.first().filter(|_| all_read && channels != dataset.channels.len()) {
        add(first, FaultKind::Channels { expected: dataset.channels.len(), found: channels });
    }
    if let Some(path) = &case.labels {
        let kinds = match read_labels(path) {
            Ok(labels) => label_faults(dataset, &labels, reference.as_ref()),
            Err(error) => vec![FaultKind::File(error.fault)],
        };
        for kind in kinds {
            add(path, kind);
        }
    }
    faults
}

fn label_faults(dataset: &Dataset, labels: &LabelMap, image: Option<&Geometry>) -> Vec<FaultKind> {
    let mut faults = image.map_or_else(Vec::new, |image| compare(image, &labels.geometry));
    let mut values = BTreeMap::new();
    for &label in &labels.labels {
        let declared = label == 0 || u8::try_from(label).is_ok_and(|label| dataset.labels.contains_key(&label));
        if !declared {
            *values.entry(label).or_insert(0) += 1;
        }
    }
    if !values.is_empty() {
        faults.push(FaultKind::UndeclaredLabels { values });
    }
    faults
}

/// How a grid differs from that of the case's first image.
fn compare(expected: &Geometry, found: &Geometry) -> Vec<FaultKind> {
    if expected.shape != found.shape {
        return vec![FaultKind::Shape { expected: expected.shape, found: found.shape }];
    }
    let mut faults = Vec::new();
    let steps = expected.spacing.0.into_iter().zip(found.spacing.0);
    if steps.into_iter().any(|(a, b)| (a - b).abs() > SPACING_TOLERANCE * a.max(b)) {
        faults.push(FaultKind::Spacing { expected: expected.spacing, found: found.spacing });
    }
    let displacement_mm = expected.corner_displacement_mm(found);
    let smallest = expected.spacing.0.into_iter().fold(f64::MAX, f64::min);
    if displacement_mm > PLACEMENT_TOLERANCE * smallest {
        faults.push(FaultKind::Placement { displacement_mm });
    }
    faults
}

#[cfg(test)]
mod tests;
