//! The train room.

pub mod sample;
pub mod augment;
