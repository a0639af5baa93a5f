//! Resampling of images and label maps to another voxel grid of the same extent.
//!
//! Input: arrays, `[z, y, x]`, and the target [`Shape`](crate::volume::Shape). Output voxel `o` of an axis samples the
//! input at `(o + 0.5) · in / out - 0.5` with replicated edges, as in scikit-image's `resize`. Each axis is filtered
//! separately, on whole rows and in parallel; the result does not depend on the number of threads. Deliberately absent:
//! rotation, anti-aliasing, and the choice of a target (`plan`).

mod axis;
mod image;
mod labels;
mod nearest;
mod order;
mod taps;

pub use self::image::{resize, resize_channels, resize_cubic, resize_linear};
pub use self::labels::{resize_labels, resize_labels_linear, resize_nearest};
pub use self::order::{Order, coarse_axis, max_voxels, resampled_shape};
pub(crate) use self::taps::SPLINE_POLE;

#[cfg(test)]
mod tests;
