//! Numeric kernels of the CPU on plain slices of `f32`.
//!
//! Input and output are slices in the element order of the tensors, `[sample, channel, z, y, x]`. Deliberately absent: tensors,
//! devices and automatic differentiation ([`crate::network`] has them). Apart from memory maps and the allocator, this is the
//! only room with `unsafe` code.
//!
//! Work is divided over rayon's thread pool. Each value is computed by one task in a fixed order, so results do not depend on the
//! number of threads.
#![expect(clippy::inline_always, reason = "vector instructions are only generated for inlined code")]
#![expect(clippy::needless_range_loop, reason = "loops over the registers of a tile are all written alike")]

pub mod add_act;
pub mod avg_pool;
pub mod conv;
pub mod conv_transpose;
pub mod dice_ce;
pub mod norm;
pub mod peak;
pub mod pool;

mod channels;
mod reduce;
mod simd;
mod transpose;
mod uninit;

#[cfg(test)]
mod tests;
