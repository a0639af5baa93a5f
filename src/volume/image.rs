//! Images and label maps: arrays with their grid.

use ndarray::{Array3, Array4};

use super::geometry::Geometry;

/// An image: one or more channels on one grid.
#[derive(Clone, Debug)]
pub struct Image {
    /// Intensities, `[c, z, y, x]`.
    pub voxels: Array4<f32>,
    /// The grid.
    pub geometry: Geometry,
}

/// A label map: one integer per voxel.
#[derive(Clone, Debug)]
pub struct LabelMap {
    /// Labels, `[z, y, x]`. 0 is background; -1, in preprocessed cases only, is outside the non-zero mask.
    pub labels: Array3<i16>,
    /// The grid.
    pub geometry: Geometry,
}
