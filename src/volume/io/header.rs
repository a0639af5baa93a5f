//! The checked header of an image file, of any format.

use crate::volume::Geometry;

/// The part of a header that every format has.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageHeader {
    /// The grid.
    pub geometry: Geometry,
    /// Number of channels; 1 for a 3D file.
    pub channels: usize,
}
