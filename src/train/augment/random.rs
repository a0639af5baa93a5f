//! Distributions that transforms are drawn from. Each function consumes a fixed number of random numbers.

use rand::RngExt as _;

use crate::random::Rng;

/// Whether an event of this probability occurs.
pub(super) fn occurs(probability: f64, rng: &mut Rng) -> bool {
    rng.random::<f64>() < probability
}

/// A uniform value.
pub(super) fn uniform([low, high]: [f64; 2], rng: &mut Rng) -> f64 {
    low + (high - low) * rng.random::<f64>()
}

/// A value below or above 1 with equal probability, however asymmetric the range; uniform on either side.
///
/// Source: batchgenerators as used by nnU-Net commit 6150f1b0, for scaling and gamma.
pub(super) fn around_one([low, high]: [f64; 2], rng: &mut Rng) -> f64 {
    let below = rng.random::<f64>() < 0.5;
    match (low < 1.0, high > 1.0) {
        (true, true) if below => uniform([low, 1.0], rng),
        (true, true) => uniform([1.0, high], rng),
        (true, false) | (false, true | false) => uniform([low, high], rng),
    }
}
