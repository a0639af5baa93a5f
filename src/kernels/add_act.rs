//! Sum of two tensors followed by leaky `ReLU`, and its gradient: the end of a residual block.
#![expect(unsafe_code, reason = "memory that is written before it is read")]

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::simd::InstructionSet;
use super::uninit::{assume_init, uninit};

/// Values of a task: they fit into the second-level cache.
const CHUNK: usize = 1 << 14;

/// Leaky `ReLU` of `a + b`.
///
/// # Panics
///
/// When the lengths differ.
pub fn forward(a: &[f32], b: &[f32], slope: f64) -> Vec<f32> {
    let slope = slope as f32;
    compute(a, b, |a, b| {
        let sum = a + b;
        if sum > 0.0 { sum } else { slope * sum }
    })
}

/// Gradient of either summand from the output and its gradient; the output is positive where the sum is, as `slope` is not negative.
///
/// # Panics
///
/// When the lengths differ, or the slope is negative.
pub fn backward(output: &[f32], gradient: &[f32], slope: f64) -> Vec<f32> {
    assert!(slope >= 0.0, "the sign of the sum is lost with slope {slope}");
    let slope = slope as f32;
    compute(output, gradient, |output, gradient| if output > 0.0 { gradient } else { slope * gradient })
}

/// Applies a function to each pair of values.
fn compute(a: &[f32], b: &[f32], function: impl Fn(f32, f32) -> f32 + Sync) -> Vec<f32> {
    assert_eq!(a.len(), b.len());
    let instructions = InstructionSet::detect();
    let mut output = uninit(a.len());
    let pairs = a.par_chunks(CHUNK).zip(b.par_chunks(CHUNK));
    output.par_chunks_mut(CHUNK).zip(pairs).for_each(|(output, (a, b))| {
        instructions.vectorize(|| write_pairs(output, a, b, &function));
    });
    // SAFETY: the chunks cover all values.
    unsafe { assume_init(output) }
}

#[inline(always)]
fn write_pairs(output: &mut [MaybeUninit<f32>], a: &[f32], b: &[f32], function: &impl Fn(f32, f32) -> f32) {
    for ((output, a), b) in output.iter_mut().zip(a).zip(b) {
        output.write(function(*a, *b));
    }
}
