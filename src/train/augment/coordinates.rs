//! Positions at which a loaded patch is sampled.

use super::scratch::Buffer;

/// The position in the loaded patch, in voxels, for each voxel of the final patch in raster order.
pub(super) struct Coordinates {
    /// Positions along z, y and x.
    pub(super) axes: [Buffer; 3],
}

/// The integer part of a position from 0 to 2²². Unlike a cast, it is vectorised.
#[inline]
pub(super) fn floor(position: f32) -> u32 {
    /// 2²³: a float of this size has no bits below 1, so that adding it rounds; its low bits are the integer.
    const ROUNDING: f32 = 8_388_608.0;
    let rounded = position + ROUNDING;
    let above = u32::from(rounded - ROUNDING > position);
    (rounded.to_bits() & 0x7F_FFFF) - above
}
