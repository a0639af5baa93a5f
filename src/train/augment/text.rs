//! Phrases that the descriptions of transforms share.

use crate::plan::schema::{AugmentationKind, Configuration};

/// `low to high`.
pub(super) fn range([low, high]: [f64; 2]) -> String {
    format!("{low} to {high}")
}

/// One phrase for the configurations that are augmented in 3D and one for those augmented in a plane, as far as a plan has them.
///
/// `phrase` receives the configurations of one kind and returns, for example, `0 to 900 voxels`.
pub(super) fn by_dimension(
    configurations: &[&Configuration],
    phrase: impl Fn(&[&Configuration], Dimension) -> String,
) -> String {
    let (in_3d, in_plane): (Vec<_>, Vec<_>) =
        configurations.iter().copied().partition(|configuration| match configuration.augmentation {
            AugmentationKind::ThreeD => true,
            AugmentationKind::TwoD | AugmentationKind::Dummy2d => false,
        });
    match (in_3d.is_empty(), in_plane.is_empty()) {
        (false, true) => phrase(&in_3d, Dimension::Space),
        (true, _) => phrase(&in_plane, Dimension::Plane),
        (false, false) => {
            format!("{} in 3D, {} in 2D", phrase(&in_3d, Dimension::Space), phrase(&in_plane, Dimension::Plane))
        }
    }
}

/// Where a transform acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dimension {
    /// On the whole patch.
    Space,
    /// On each slice, with the same parameters.
    Plane,
}
