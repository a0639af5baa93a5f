//! Statistics of samples: mean, standard deviation, median, quantiles, and bootstrap intervals.
//!
//! Each definition exists exactly once, and its name identifies the definition. Sums run in the order
//! of the values, in `f64`, so the same values in the same order give the same bits everywhere.

use rand::RngExt as _;

use crate::random::{Key, Purpose, stream};

/// Resamples of a bootstrap.
pub const BOOTSTRAP_RESAMPLES: usize = 2000;
/// Seed of every bootstrap.
pub const BOOTSTRAP_SEED: u64 = 12345;

/// Arithmetic mean. Returns `None` for an empty sample.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Sample standard deviation (divisor `n - 1`). Returns `None` for fewer than two values.
pub fn sample_sd(values: &[f64]) -> Option<f64> {
    let mean = mean(values).filter(|_| values.len() > 1)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

/// Mean and standard deviation of all members of a population.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// Arithmetic mean.
    pub mean: f64,
    /// Population standard deviation (divisor `n`).
    pub population_sd: f64,
}

/// Mean and population standard deviation, in two passes over the values. Returns `None` for an empty sample.
pub fn moments(values: impl Iterator<Item = f64> + Clone) -> Option<Moments> {
    let (count, sum) = values.clone().fold((0_usize, 0.0), |(count, sum), value| (count + 1, sum + value));
    if count == 0 {
        return None;
    }
    let mean = sum / count as f64;
    let squares: f64 = values.map(|value| (value - mean).powi(2)).sum();
    Some(Moments { mean, population_sd: (squares / count as f64).sqrt() })
}

/// Median: the middle value, or the midpoint of the two middle values. Returns `None` for an empty sample.
pub fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        count if count % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// Quantile, interpolated linearly between neighbours (the default of NumPy's `quantile`). `fraction` is 0 to 1.
///
/// Returns `None` for an empty sample.
pub fn quantile(values: &[f64], fraction: f64) -> Option<f64> {
    quantile_of_sorted(&sorted(values), fraction)
}

/// [`quantile`] of values that are sorted in ascending order already.
pub fn quantile_of_sorted<T: Copy + Into<f64>>(sorted: &[T], fraction: f64) -> Option<f64> {
    let rank = fraction * sorted.len().checked_sub(1)? as f64;
    let (below, above): (f64, f64) = (sorted[rank.floor() as usize].into(), sorted[rank.ceil() as usize].into());
    Some(below + (above - below) * rank.fract())
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// A confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// 95 % percentile bootstrap interval of the mean, from [`BOOTSTRAP_RESAMPLES`] resamples drawn with replacement.
///
/// `counters` select the random stream, so that two intervals share no random numbers. Returns `None` for fewer than
/// two values.
pub fn bootstrap_mean(values: &[f64], counters: [u64; 4]) -> Option<Interval> {
    if values.len() < 2 {
        return None;
    }
    let mut random = stream(Key { purpose: Purpose::Bootstrap, seed: BOOTSTRAP_SEED, counters });
    let mut draw = || (0..values.len()).map(|_| values[random.random_range(0..values.len())]).sum::<f64>();
    let means: Vec<f64> = (0..BOOTSTRAP_RESAMPLES).map(|_| draw() / values.len() as f64).collect();
    Some(Interval { low: quantile(&means, 0.025)?, high: quantile(&means, 0.975)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sample_statistics_match_numpy() {
        // numpy: v = [0.2, 0.9, 0.4, 0.7]; np.std(v, ddof=1), np.quantile(v, [0.25, 0.5, 0.75])
        let values = [0.2, 0.9, 0.4, 0.7];
        approx::assert_abs_diff_eq!(sample_sd(&values).unwrap(), 0.310_912_635_102_964_1, epsilon = 1e-12);
        for (fraction, expected) in [(0.25, 0.35), (0.5, 0.55), (0.75, 0.75)] {
            approx::assert_abs_diff_eq!(quantile(&values, fraction).unwrap(), expected, epsilon = 1e-12);
        }
        assert_eq!((median(&values), median(&values[..3])), (Some(0.4_f64.midpoint(0.7)), Some(0.4)));
    }

    #[test]
    fn population_statistics_match_numpy() {
        // numpy: v = (np.arange(21)**2).astype("f4"); v.mean(), v.std()
        let found = moments((0..21_u16).map(|value| f64::from(value * value))).unwrap();
        approx::assert_abs_diff_eq!(found.mean, 136.666_666_666_666_66, epsilon = 1e-12);
        approx::assert_abs_diff_eq!(found.population_sd, 125.438_785_424_958_92, epsilon = 1e-4);
    }

    #[test]
    fn an_empty_sample_has_no_statistics() {
        assert_eq!((mean(&[]), sample_sd(&[1.0]), quantile(&[], 0.5), median(&[])), (None, None, None, None));
        assert_eq!(moments(std::iter::empty()), None);
    }

    #[test]
    fn the_bootstrap_interval_approaches_the_normal_approximation() {
        let values: Vec<f64> = (0..400).map(|step| f64::from(step % 20) / 20.0).collect();
        let interval = bootstrap_mean(&values, [0; 4]).unwrap();
        let half = 1.96 * sample_sd(&values).unwrap() / 20.0;
        let mean = mean(&values).unwrap();
        assert!(
            (interval.low - (mean - half)).abs() < 0.1 * half && (interval.high - (mean + half)).abs() < 0.1 * half
        );
        assert_eq!(bootstrap_mean(&values, [0; 4]), Some(interval), "the same random numbers each time");
        assert_eq!(bootstrap_mean(&[1.0], [0; 4]), None);
    }
}
