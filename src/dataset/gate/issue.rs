//! Issues of the files of a case.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use crate::dataset::case::CaseId;
use crate::units::{agree, counted, format_bytes};
use crate::volume::io::ImageFileProblem;
use crate::volume::{Shape, Spacing};

/// Maximum number of undeclared labels in a message.
const LISTED_LABELS: usize = 8;

/// One issue of one file.
#[derive(Debug)]
pub struct Issue {
    /// The case.
    pub case: CaseId,
    /// The file.
    pub path: PathBuf,
    /// The kind of issue.
    pub kind: IssueKind,
}

impl fmt::Display for Issue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "case `{}`: `{}` {}", self.case, self.path.display(), self.kind)
    }
}

/// All issues of the files that were read, at least one.
#[derive(Debug, Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Issues(pub Vec<Issue>);

/// The kind of an issue, formatted as the end of a sentence that begins with the file's path.
#[derive(Debug, Error)]
#[allow(missing_docs, reason = "the message of each variant describes its fields")]
pub enum IssueKind {
    /// The file does not exist. The hint names a similar file or folder and the remedy; it may be empty.
    #[error("does not exist{hint}")]
    Missing { hint: String },
    /// The file is damaged or cannot be used.
    #[error(transparent)]
    File(ImageFileProblem),
    /// The files of a case have another number of channels than declared.
    #[error("{}", channels(*expected, *found, *files))]
    Channels { expected: usize, found: usize, files: usize },
    /// Another shape than the case's first file.
    #[error(
        "has {found} voxels, but the case's first file has {expected} (z × y × x); resample or replace one of them"
    )]
    Shape { expected: Shape, found: Shape },
    /// Another spacing than the case's first file.
    #[error("has spacing {found}, but the case's first file has {expected} (z × y × x); correct the wrong header")]
    Spacing { expected: Spacing, found: Spacing },
    /// Another position or orientation in the world than the case's first file.
    #[error(
        "is displaced against the case's first file, by up to {displacement_mm:.3} mm at a corner (tolerance \
         {tolerance_mm:.3} mm); correct the wrong sform or qform, or resample one file to the other"
    )]
    Placement { displacement_mm: f64, tolerance_mm: f64 },
    /// Intensities that are not finite.
    #[error(
        "has {} that {} NaN or infinite in single precision, in {}; replace {}, for example by 0",
        counted(*voxels, "voxel"), agree(*voxels, "is", "are"), counted(*channels, "channel"), agree(*voxels, "it", "them")
    )]
    NotFinite { voxels: usize, channels: usize },
    /// A label map with several channels.
    #[error("has {found} channels; expected a label map with one")]
    LabelChannels { found: usize },
    /// Labels that are not integers; the value is the first one.
    #[error(
        "has {} with non-integer values, such as {value}; expected integer labels: was it resampled, or is it an image?",
        counted(*voxels, "voxel")
    )]
    FractionalLabels { value: f64, voxels: usize },
    /// Labels that are not declared, with their number of voxels.
    #[error("has undeclared labels: {}; declare them in `dataset.json`, or relabel them", list_labels(values))]
    UndeclaredLabels { values: BTreeMap<i64, usize> },
    /// A training case without a label map.
    #[error("has no label map")]
    Unlabelled,
    /// More voxels than fit into the memory limit.
    #[error(
        "has {shape} voxels (z × y × x) in {}, which need {} of memory; the limit is {}. Correct the header if it is wrong, or \
         raise `runtime.memory_gib` (`--memory-gib`)",
        counted(*channels, "channel"), format_bytes(*needed), format_bytes(*allowed)
    )]
    TooLarge { shape: Shape, channels: usize, needed: u64, allowed: u64 },
}

fn channels(expected: usize, found: usize, files: usize) -> String {
    let where_found = match files {
        1 => format!("has {}", counted(found, "channel")),
        files => format!("and the case's other images have {} in {files} files", counted(found, "channel")),
    };
    format!("{where_found}; expected {expected}: add or remove files, or correct `dataset.json`")
}

fn list_labels(values: &BTreeMap<i64, usize>) -> String {
    let listed = values.iter().take(LISTED_LABELS);
    let listed: Vec<String> =
        listed.map(|(label, &voxels)| format!("{label} ({})", counted(voxels, "voxel"))).collect();
    match values.len().saturating_sub(LISTED_LABELS) {
        0 => listed.join(", "),
        more => format!("{} and {more} more (is it an image?)", listed.join(", ")),
    }
}
