//! Prepared cases in memory, and how their grid lies in the original one.

use std::collections::BTreeMap;

use ndarray::{Array3, Array4};
use serde::{Deserialize, Serialize};

use crate::volume::axes::{slice_back, slice_first};
use crate::volume::{BoundingBox, Shape};

/// A case as the network receives it.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Normalised intensities, `[c, z, y, x]`, the slice axis of a 2D configuration moved to z.
    pub image: Array4<f32>,
    /// Labels, `[z, y, x]`; negative outside the non-zero mask (see [`class_of`](super::class_of)). All background if
    /// the case has no label map.
    pub labels: Array3<i16>,
    /// Sampled voxels of each class, `[z, y, x]`, in raster order.
    pub foreground: BTreeMap<u8, Vec<[u32; 3]>>,
    /// Position of the prepared grid in the original one.
    pub placement: Placement,
}

/// The position of a prepared grid in the grid of the original image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// Shape of the original image, `[z, y, x]`.
    pub original: Shape,
    /// The cropped part of the original image.
    pub crop: BoundingBox,
    /// The axis of the original image that became z.
    pub slice_axis: usize,
}

impl Placement {
    /// The order of the original axes in the prepared case: the slice axis first.
    pub fn axes(self) -> [usize; 3] {
        slice_first(self.slice_axis)
    }

    /// The inverse order of [`Placement::axes`].
    pub fn axes_back(self) -> [usize; 3] {
        slice_back(self.slice_axis)
    }
}
