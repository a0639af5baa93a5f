//! Names of the axes of a patch, for descriptions of what was drawn.

use crate::plan::schema::Configuration;
use crate::volume::axes::slice_first;

/// The axes of a configuration's patches.
#[derive(Clone, Copy, Debug)]
pub struct AxisNames {
    /// Names of the patch's axes, by the axes of the image.
    pub(super) names: [&'static str; 3],
    /// The patch's axes in the order of the drawn angles.
    pub(super) rotated: [usize; 3],
}

impl AxisNames {
    /// The axes of a configuration's patches.
    pub fn new(configuration: &Configuration) -> Self {
        let names = slice_first(configuration.slice_axis).map(|axis| ["z", "y", "x"][axis]);
        Self { names, rotated: slice_first(configuration.augmented_axis()) }
    }
}
