//! The checked header of an image file, of any format.

use crate::volume::Geometry;

/// What every format's header states.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageHeader {
    /// The grid.
    pub geometry: Geometry,
    /// Number of channels; 1 for a 3D file.
    pub channels: usize,
}
