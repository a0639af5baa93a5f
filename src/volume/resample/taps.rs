//! The input positions that contribute to an output position along one axis, and their weights.

use super::order::Order;

/// Pole of the cubic B-spline's recursive filter, `√3 - 2`.
pub(crate) const SPLINE_POLE: f64 = -0.267_949_192_431_122_7;
/// Maximum number of inputs of one output.
const MAX_WIDTH: usize = 4;

/// Weights from the inputs of an axis, or their spline coefficients, to its outputs.
pub(super) struct Taps {
    /// First input of each output.
    pub(super) first: Vec<usize>,
    /// Weights of `width` inputs from the first one on; the others are zero.
    pub(super) weights: Vec<[f32; MAX_WIDTH]>,
    /// Number of inputs per output.
    pub(super) width: usize,
    /// Length of the input.
    pub(super) inputs: usize,
    /// Whether the weights apply to B-spline coefficients instead of values.
    pub(super) spline: bool,
}

impl Taps {
    /// The weights for resampling an axis of `inputs` voxels to `outputs` voxels.
    pub(super) fn new(order: Order, inputs: usize, outputs: usize) -> Self {
        let spline = order == Order::Cubic && inputs > 1;
        let support = match order {
            Order::Nearest => 1,
            Order::Linear => 2,
            Order::Cubic => MAX_WIDTH,
        };
        let width = support.min(inputs);
        let (mut first, mut weights) = (Vec::with_capacity(outputs), Vec::with_capacity(outputs));
        for output in 0..outputs {
            let position = coordinate(output, inputs, outputs);
            let (start, along) = match order {
                Order::Nearest => (nearest(position, inputs) as isize, vec![1.0]),
                Order::Linear => linear(position, inputs),
                Order::Cubic => cubic(position),
            };
            let window = start.clamp(0, (inputs - width) as isize) as usize;
            let mut folded = [0.0; MAX_WIDTH];
            for (input, weight) in (start..).zip(along) {
                for (inside, factor) in fold_inside(input, inputs) {
                    folded[inside - window] += weight * factor;
                }
            }
            first.push(window);
            weights.push(folded.map(|weight| weight as f32));
        }
        Self { first, weights, width, inputs, spline }
    }
}

/// The nearest input of every output, with the same roundings as SciPy's `zoom(grid_mode=True)`.
pub(super) fn nearest_indices(inputs: usize, outputs: usize) -> Vec<usize> {
    (0..outputs).map(|output| nearest(coordinate(output, inputs, outputs), inputs)).collect()
}

/// Centre of an output voxel in input voxels.
fn coordinate(output: usize, inputs: usize, outputs: usize) -> f64 {
    (output as f64 + 0.5) * (inputs as f64 / outputs as f64) - 0.5
}

fn nearest(position: f64, inputs: usize) -> usize {
    (position.clamp(0.0, (inputs - 1) as f64) + 0.5).floor() as usize
}

fn linear(position: f64, inputs: usize) -> (isize, Vec<f64>) {
    let position = position.clamp(0.0, (inputs - 1) as f64);
    let part = position.fract();
    (position.floor() as isize, vec![1.0 - part, part])
}

/// The four cubic B-splines that overlap a position.
fn cubic(position: f64) -> (isize, Vec<f64>) {
    let t = position - position.floor();
    let inner = |t: f64| (4.0 - 6.0 * t * t + 3.0 * t * t * t) / 6.0;
    let outer = |t: f64| t * t * t / 6.0;
    (position.floor() as isize - 1, vec![outer(1.0 - t), inner(t), inner(1.0 - t), outer(t)])
}

/// A coefficient at `position`, which may lie up to two voxels outside the axis, as a sum of coefficients inside.
///
/// The image is extended with its edge value to infinity. The recursion of the filter then gives the coefficients
/// outside exactly: with the pole `p`, `c(-1) = (1 + p) c(0) - p c(1)` and `c(-2) = -3p c(0) + (1 + 3p) c(1)`.
fn fold_inside(position: isize, inputs: usize) -> Vec<(usize, f64)> {
    let last = inputs as isize - 1;
    let outside = (-position).max(position - last);
    if outside <= 0 {
        return vec![(position as usize, 1.0)];
    }
    let (edge, inner) = if position < 0 { (0, 1) } else { (last as usize, (last - 1).max(0) as usize) };
    if inputs == 1 {
        return vec![(0, 1.0)];
    }
    match outside {
        1 => vec![(edge, 1.0 + SPLINE_POLE), (inner, -SPLINE_POLE)],
        2 => vec![(edge, -3.0 * SPLINE_POLE), (inner, 1.0 + 3.0 * SPLINE_POLE)],
        _ => unreachable!("a cubic B-spline extends two voxels past an edge, not {outside}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_sum_to_one_for_all_lengths() {
        for order in [Order::Nearest, Order::Linear, Order::Cubic] {
            for (inputs, outputs) in [(1, 1), (1, 7), (2, 9), (3, 2), (4, 11), (50, 7), (7, 50)] {
                for weights in Taps::new(order, inputs, outputs).weights {
                    approx::assert_abs_diff_eq!(weights.iter().sum::<f32>(), 1.0, epsilon = 1e-6);
                }
            }
        }
    }
}
