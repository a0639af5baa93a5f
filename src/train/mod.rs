//! The train room.

pub mod loss;
pub mod optimizer;
