//! Images and label maps on a voxel grid.
//!
//! Input: image files. Output: arrays in `[c, z, y, x]` or `[z, y, x]` order with their [`Geometry`]. Deliberately
//! absent: data sets, plans, randomness and Burn.

#![allow(clippy::needless_pass_by_value, reason = "array views are references, and ndarray passes them by value")]

pub mod axes;
mod bounds;
pub mod components;
pub mod crop;
pub mod distance;
mod elements;
pub mod gaussian;
mod geometry;
mod image;
pub mod intensity;
pub mod io;
pub mod morphology;
pub mod orient;
pub mod resample;

pub use self::bounds::BoundingBox;
pub(crate) use self::elements::into_elements;
pub use self::geometry::{FileOrigin, Geometry, Shape, Spacing};
pub use self::image::{Image, LabelMap};
