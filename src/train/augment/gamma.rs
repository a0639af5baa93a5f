//! Gamma transform that keeps mean and standard deviation. Source: spec section 10.

/// Added to the range of a channel before dividing by it.
const RANGE_EPSILON: f32 = 1e-7;

/// Added to the standard deviation of a channel before dividing by it.
const DEVIATION_EPSILON: f64 = 1e-8;

/// Partial results of a sum or an extreme.
const LANES: usize = 8;

/// Raises a channel, scaled to 0 … 1 by its own range, to `exponent`, and gives it its old mean and deviation back.
///
/// As in the first code, the mean is restored before the deviation is, so it is not restored exactly.
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

/// Smallest and largest value, in eight partial results, which need not wait for one another.
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

/// Sum, in eight partial sums.
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
