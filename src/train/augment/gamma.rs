//! Gamma correction that keeps the mean and the standard deviation of each channel. Source: arXiv:1809.10486, 2.3; range and
//! probability of nnU-Net commit 6150f1b0, `default_data_augmentation.py`.

use super::random::{around_one, occurs};
use super::text::range;
use crate::plan::schema;
use crate::random::Rng;

/// Added to the range of a channel before dividing by it.
const RANGE_EPSILON: f32 = 1e-7;

/// Added to the standard deviation of a channel before dividing by it.
const DEVIATION_EPSILON: f64 = 1e-8;

/// Number of partial results of a sum or an extreme.
const LANES: usize = 8;

/// Draws one exponent per channel.
pub(super) fn draw(settings: &schema::Gamma, channels: usize, rng: &mut Rng) -> Option<Vec<f64>> {
    occurs(settings.probability, rng).then(|| (0..channels).map(|_| around_one(settings.range, rng)).collect())
}

/// Scales a channel to 0 … 1 by its own range, raises it to `exponent`, and restores its mean and standard deviation.
///
/// As in batchgenerators, the mean is restored before the standard deviation, and therefore not exactly.
pub(super) fn apply(channel: &mut [f32], exponent: f64) {
    let (mean, deviation) = moments(channel);
    let (low, high) = extremes(channel);
    let range = high - low;
    let inverse = 1.0 / (range + RANGE_EPSILON);
    let exponent = exponent as f32;
    for value in channel.iter_mut() {
        *value = ((*value - low) * inverse).powf(exponent) * range + low;
    }
    let (new_mean, new_deviation) = moments(channel);
    let factor = deviation / (new_deviation + DEVIATION_EPSILON);
    let (factor, shift) = (factor as f32, ((mean - new_mean) * factor) as f32);
    for value in channel {
        *value = *value * factor + shift;
    }
}

/// Minimum and maximum. Eight independent partial results let the processor work on them in parallel.
fn extremes(values: &[f32]) -> (f32, f32) {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let (mut low, mut high) = ([f32::INFINITY; LANES], [f32::NEG_INFINITY; LANES]);
    for chunk in chunks {
        for lane in 0..LANES {
            low[lane] = low[lane].min(chunk[lane]);
            high[lane] = high[lane].max(chunk[lane]);
        }
    }
    let low = low.iter().chain(rest).copied().fold(f32::INFINITY, f32::min);
    (low, high.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max))
}

/// Mean and population standard deviation.
fn moments(values: &[f32]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = sum(values, f64::from) / count;
    let variance = sum(values, |value| (f64::from(value) - mean).powi(2)) / count;
    (mean, variance.sqrt())
}

/// Sum of a term over the values, in eight partial sums.
fn sum(values: &[f32], term: impl Fn(f32) -> f64) -> f64 {
    let (chunks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            sums[lane] += term(chunk[lane]);
        }
    }
    sums.iter().sum::<f64>() + rest.iter().map(|&value| term(value)).sum::<f64>()
}

pub(super) fn describe_draw(exponents: &[f64]) -> String {
    let exponents: Vec<String> = exponents.iter().map(|exponent| format!("{exponent:.2}")).collect();
    format!("gamma {}", exponents.join(" "))
}

/// The transform in a methods paragraph; `None` if it is not used.
pub(super) fn describe(settings: &schema::Gamma) -> Option<String> {
    let range = range(settings.range);
    (settings.probability > 0.0)
        .then(|| format!("gamma correction (probability {}; exponent {range})", settings.probability))
}
