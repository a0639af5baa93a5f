//! What can be wrong with a file of a case.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use crate::dataset::CaseId;
use crate::units::{counted, format_bytes};
use crate::volume::nifti::NiftiFault;
use crate::volume::{Geometry, Shape, Spacing};

/// How far two spacings may differ, as a fraction: more than single precision and decimal headers lose.
const SPACING_TOLERANCE: f64 = 1e-3;
/// How far a corner voxel may be displaced between two grids, as a fraction of the smallest voxel edge: too little to matter
/// to any label, and more than tools lose when they rewrite an affine.
const PLACEMENT_TOLERANCE: f64 = 0.1;
/// How many undeclared labels a message lists.
const LISTED: usize = 8;

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

/// All faults of the files that were read, at least one.
#[derive(Debug, Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Faults(pub Vec<Fault>);

/// What is wrong with a file, as the end of a sentence that begins with its path.
#[derive(Debug, Error)]
pub enum FaultKind {
    /// There is no such file.
    #[error("does not exist{hint}")]
    Missing {
        /// What is there in its place, and what to do; empty if nothing is.
        hint: String,
    },
    /// Damaged, or not made of numbers that can be used.
    #[error(transparent)]
    File(NiftiFault),
    /// The files of a case have another number of channels than expected.
    #[error("{}", channels(*expected, *found, *files))]
    Channels {
        /// As declared.
        expected: usize,
        /// As found in all files of the case.
        found: usize,
        /// Number of files.
        files: usize,
    },
    /// Another shape than the case's first image.
    #[error("has {found} voxels and the case's first file {expected} (z × y × x); resample or replace one of them")]
    Shape {
        /// Shape of the first image.
        expected: Shape,
        /// Shape of this file.
        found: Shape,
    },
    /// Another spacing than the case's first image.
    #[error(
        "has a spacing of {found} and the case's first file {expected} (z × y × x); correct the header that is wrong"
    )]
    Spacing {
        /// Spacing of the first image.
        expected: Spacing,
        /// Spacing of this file.
        found: Spacing,
    },
    /// Another place in the world than the case's first image.
    #[error(
        "is placed elsewhere than the case's first file, by {displacement_mm:.3} mm at the worst corner (tolerance \
         {tolerance_mm:.3} mm); correct the sform or qform that is wrong, or resample one to the other"
    )]
    Placement {
        /// Largest displacement of a corner voxel.
        displacement_mm: f64,
        /// Largest displacement that is accepted.
        tolerance_mm: f64,
    },
    /// Intensities that are not finite numbers.
    #[error(
        "has {} that {} NaN or infinite in single precision, in {}; replace {}, for example by 0",
        counted(*voxels, "voxel"), if *voxels == 1 { "is" } else { "are" }, counted(*channels, "channel"),
        if *voxels == 1 { "it" } else { "them" }
    )]
    NotFinite {
        /// How many.
        voxels: usize,
        /// In how many channels of the file.
        channels: usize,
    },
    /// A label map of several channels.
    #[error("has {found} channels; expected one, as a label map has")]
    LabelChannels {
        /// Number of channels.
        found: usize,
    },
    /// Labels that are not integers.
    #[error(
        "has {} without a whole number, such as {value}; labels are integers: was it resampled, or is it an image?",
        counted(*voxels, "voxel")
    )]
    FractionalLabels {
        /// The first such value.
        value: f64,
        /// How many voxels.
        voxels: usize,
    },
    /// Labels that are not declared.
    #[error("has labels that are not declared: {}; declare them in `dataset.json`, or relabel them", listed(values))]
    UndeclaredLabels {
        /// Number of voxels by label.
        values: BTreeMap<i64, usize>,
    },
    /// A training case without a label map.
    #[error("has no label map")]
    Unlabelled,
    /// More voxels than the memory that may be used can hold.
    #[error(
        "has {shape} voxels (z × y × x) in {}, which need {} of memory, and {} may be used; correct the header if it is \
         wrong, or raise `runtime.memory_gib` (`--memory-gib`)",
        counted(*channels, "channel"), format_bytes(*needed), format_bytes(*allowed)
    )]
    TooLarge {
        /// Voxels of a channel.
        shape: Shape,
        /// Channels of the case up to this file.
        channels: usize,
        /// Bytes that the case needs.
        needed: u64,
        /// Bytes that may be used.
        allowed: u64,
    },
}

fn channels(expected: usize, found: usize, files: usize) -> String {
    let where_found = match files {
        1 => format!("has {}", counted(found, "channel")),
        files => format!("and the case's other images have {} in {files} files", counted(found, "channel")),
    };
    format!("{where_found}; expected {expected}: add or remove files, or correct `dataset.json`")
}

fn listed(values: &BTreeMap<i64, usize>) -> String {
    let shown = values.iter().take(LISTED).map(|(label, &voxels)| format!("{label} ({})", counted(voxels, "voxel")));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match values.len().saturating_sub(LISTED) {
        0 => shown,
        more => format!("{shown} and {more} more (is it an image?)"),
    }
}

/// How a grid differs from that of the case's first image; empty if it is the same within the tolerances.
pub fn compare_grids(expected: &Geometry, found: &Geometry) -> Vec<FaultKind> {
    if expected.shape != found.shape {
        return vec![FaultKind::Shape { expected: expected.shape, found: found.shape }];
    }
    let mut faults = Vec::new();
    let steps = expected.spacing.0.into_iter().zip(found.spacing.0).zip(expected.shape.0);
    // The thickness of a single slice is often not known, and moves no voxel.
    if steps.into_iter().any(|((a, b), size)| size > 1 && (a - b).abs() > SPACING_TOLERANCE * a.max(b)) {
        faults.push(FaultKind::Spacing { expected: expected.spacing, found: found.spacing });
    }
    let displacement_mm = expected.corner_displacement_mm(found);
    let tolerance_mm = PLACEMENT_TOLERANCE * expected.spacing.0.into_iter().fold(f64::MAX, f64::min);
    if displacement_mm > tolerance_mm {
        faults.push(FaultKind::Placement { displacement_mm, tolerance_mm });
    }
    faults
}
