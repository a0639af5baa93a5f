//! The functions that read images and label maps.

use std::collections::BTreeMap;
use std::path::Path;

use crate::dataset::case::{Case, CaseId};
use crate::dataset::gate::expected::Expected;
use crate::dataset::gate::issue::{Issue, IssueKind, Issues};
use crate::dataset::gate::reading::{Reading, label_map, push};
use crate::volume::{Geometry, Image, LabelMap};

/// Reads every file of a case and returns every issue. Only a few thousand voxels are in memory at a time.
pub fn check(case: &Case, expected: &Expected<'_>) -> Vec<Issue> {
    let mut reading = Reading::of(case, expected);
    let geometry = reading.image(&mut |_| ());
    if let Some(path) = &case.labels {
        reading.declared_labels(path, geometry.as_ref(), &mut |_| ());
    }
    reading.issues
}

/// Reads the image of a case: one file, or several whose channels are concatenated in order.
///
/// Voxels are `[c, z, y, x]` and finite; slope and intercept are applied. The geometry is that of the first file.
///
/// # Errors
///
/// All issues of the image.
pub fn read_image(case: &Case, expected: &Expected<'_>) -> Result<Image, Issues> {
    let mut reading = Reading::of(case, expected);
    let image = reading.whole_image();
    reading.result(image)
}

/// Passes the voxels of a case's image to `take` in the order `[c, z, y, x]`, some thousands at a time, and returns its
/// geometry.
///
/// The caller must not use the voxels before this function has returned without issues.
///
/// # Errors
///
/// All issues of the image.
pub fn stream_image(case: &Case, expected: &Expected<'_>, take: &mut dyn FnMut(&[f32])) -> Result<Geometry, Issues> {
    let mut reading = Reading::of(case, expected);
    let geometry = reading.image(take);
    reading.result(geometry)
}

/// Reads the image and the label map, `[z, y, x]`, of a training case. The labels are declared and lie on the image's
/// grid.
///
/// # Errors
///
/// All issues of both.
pub fn read_case(case: &Case, expected: &Expected<'_>) -> Result<(Image, LabelMap), Issues> {
    let mut reading = Reading::of(case, expected);
    let image = reading.whole_image();
    let labels = reading.whole_labels(case.labels.as_deref(), image.as_ref().map(|image| &image.geometry));
    reading.result(image.zip(labels))
}

/// Reads a label map, `[z, y, x]`, whose labels must be declared and which must lie on the grid of `image`, if given.
///
/// # Errors
///
/// All issues of the file.
pub fn read_labels(
    case: &CaseId,
    path: &Path,
    image: Option<&Geometry>,
    expected: &Expected<'_>,
) -> Result<LabelMap, Issues> {
    let mut reading = Reading::of_labels(case, expected);
    let labels = reading.whole_labels(Some(path), image);
    reading.result(labels)
}

/// Reads a label map of arbitrary integers as class indices, `[z, y, x]`: the class of a label is its position in the
/// sorted `labels`, counted from 1; 0 stays 0.
///
/// # Errors
///
/// All issues of the file, and labels that are not in `labels`.
pub fn read_classes(case: &CaseId, path: &Path, labels: &[i64], memory_bytes: u64) -> Result<LabelMap, Issues> {
    let none = BTreeMap::new();
    let expected = Expected { channels: 1, labels: &none, memory_bytes };
    let mut reading = Reading::of_labels(case, &expected);
    let mut classes = Vec::new();
    let class = |label| if label == 0 { Some(0) } else { Some(labels.binary_search(&label).ok()? as i16 + 1) };
    let geometry = reading.labels(path, None, &class, &mut |class| {
        push(&mut classes, class);
    });
    let classes = geometry.map(|geometry| label_map(classes, geometry));
    reading.result(classes)
}

/// Counts the voxels of each label of a label map of arbitrary integers.
///
/// # Errors
///
/// All issues of the file.
pub fn count_labels(case: &CaseId, path: &Path, memory_bytes: u64) -> Result<BTreeMap<i64, usize>, Issues> {
    let none = BTreeMap::new();
    let expected = Expected { channels: 1, labels: &none, memory_bytes };
    let mut reading = Reading::of_labels(case, &expected);
    reading.labels(path, None, &|_| None, &mut |_| ());
    let mut values = BTreeMap::new();
    // Nothing is declared here, so the undeclared labels are the result.
    reading.issues.retain_mut(|issue| match &mut issue.kind {
        IssueKind::UndeclaredLabels { values: found } => {
            values = std::mem::take(found);
            false
        }
        _ => true,
    });
    reading.result(Some(values))
}
