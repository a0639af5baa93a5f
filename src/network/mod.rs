//! The U-Net of a plan.
//!
//! Input: images `[b, channels, z, y, x]`. Output: logits `[b, outputs, z, y, x]`; in 2D, z = 1. The plan determines the shape
//! ([`topology`], [`PlannedNetwork`]), a seed the initial weights ([`init`]), a file the trained ones ([`weights`]). The network of 2018
//! and those of nnU-Net v2 are built from the same [`blocks`]. Deliberately absent: dropout and batch normalisation.

pub mod blocks;
mod config;
#[cfg(feature = "flex")]
pub(crate) mod cpu;
pub mod init;
pub mod ops;
pub(crate) mod parameter_path;
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
pub use self::unet::{Encoder, UNet, float_dtype};
