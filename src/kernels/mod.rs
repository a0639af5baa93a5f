//! Numeric kernels of the CPU, on plain slices of `f32`.
//!
//! The only room with `unsafe` code apart from the memory map. Input and output are slices in the order of the tensors,
//! `[sample, channel, z, y, x]`; deliberately absent is everything that knows of tensors, devices and differentiation.
//! Work is divided over rayon's pool; each number is computed by one task in a fixed order, so that no result depends on
//! the count of threads.
#![expect(clippy::inline_always, reason = "a function with wider instructions is one only where all of it is inlined")]
#![expect(clippy::needless_range_loop, reason = "registers of a tile are named by their number, in all tiles alike")]

mod border;
mod correlate;
mod direct;
mod fresh;
mod maps;
mod region;
mod sum;
mod taps;
mod transpose;
mod vector;

pub mod conv;
pub mod norm;
pub mod pages;
pub mod peak;
pub mod pool;
pub mod dice_ce;
pub mod conv_transpose;

#[cfg(test)]
mod tests;
