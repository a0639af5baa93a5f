//! The request to segment images.

use std::path::Path;

use crate::dataset::input::Input;
use crate::plan::schema::ConfigurationName;

/// Images to segment with a model.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// A run folder, or a package.
    pub model: &'a Path,
    /// The images.
    pub input: &'a Input,
    /// Folder for the segmentations, or the path of the label map of a single case.
    pub output: &'a Path,
    /// Configuration; by default the candidate with the best cross-validation.
    pub configuration: Option<ConfigurationName>,
    /// Folds whose networks segment, counted from 0; all trained ones if empty.
    pub folds: &'a [usize],
    /// Changed keys of `[predict]`, as `KEY=VALUE`.
    pub settings: &'a [String],
    /// Device; that of the model's plan by default.
    pub device: Option<&'a str>,
    /// Whether probabilities are written to `probabilities/` of the output folder.
    pub probabilities: bool,
    /// Memory for images and probabilities, GiB; that of the model's plan by default.
    pub memory_gib: Option<u64>,
    /// Whether files of the output folder may be replaced that segplan did not write.
    pub overwrite: bool,
}
