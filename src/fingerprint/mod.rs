//! The fingerprint of a data set: shapes, spacings, foreground intensities, components, and how much cropping removes.
//!
//! Input: the files of a [`Dataset`](crate::dataset::Dataset). Output: a [`Fingerprint`], which the plan's rules read.
//! Deliberately absent: every decision. Source: arXiv:1809.10486, 2; nnU-Net commit 6150f1b0 for the sample of
//! intensities.

mod anomalies;
mod compute;
mod contents;

pub use self::anomalies::Anomalies;
pub use self::compute::{FingerprintError, bytes_to_measure, compute_fingerprint};
pub use self::contents::{CaseFingerprint, Fingerprint, IntensityStatistics};
