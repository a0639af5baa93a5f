//! The U-Net of a plan.
//!
//! Input: images `[b, channels, z, y, x]`. Output: logits `[b, classes, z, y, x]`; in 2D, z = 1. The plan determines the shape
//! ([`topology`], [`PlannedNetwork`]), a seed the initial weights ([`init`]), a file the trained ones ([`weights`]).
//! Deliberately absent: deep supervision, residual connections and dropout, which the paper does not describe.

mod config;
#[cfg(feature = "flex")]
pub(crate) mod cpu;
pub mod init;
pub mod ops;
mod planned;
pub mod topology;
mod unet;
pub mod weights;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use self::config::UNetConfig;
pub use self::planned::PlannedNetwork;
pub use self::unet::{Affine, Block, ConvWeight, Convolution, UNet, float_dtype};
