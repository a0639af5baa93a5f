//! Statistics of a list of numbers: mean, spread, quantiles, bootstrap interval.

use rand::RngExt as _;

use crate::random::{Key, Purpose, stream};

/// Resamples of a bootstrap.
pub const RESAMPLES: usize = 2000;
/// Seed of all resampling in reports.
pub const SEED: u64 = 12345;

/// Mean; none of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Sample standard deviation; none of fewer than two numbers.
pub fn sd(values: &[f64]) -> Option<f64> {
    let mean = mean(values).filter(|_| values.len() > 1)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

/// A quantile, linear between neighbours, as NumPy has it; none of nothing.
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let place = share * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(below + (above - below) * place.fract())
}

/// The 95 % interval of the mean: percentiles of the means of 2000 resamples of the cases, drawn with replacement.
///
/// `counters` tell one interval's random numbers from another's. None of fewer than two numbers.
pub fn bootstrap(values: &[f64], counters: [u64; 4]) -> Option<(f64, f64)> {
    if values.len() < 2 {
        return None;
    }
    let mut random = stream(Key { purpose: Purpose::Bootstrap, seed: SEED, counters });
    let mut draw = || (0..values.len()).map(|_| values[random.random_range(0..values.len())]).sum::<f64>();
    let means: Vec<f64> = (0..RESAMPLES).map(|_| draw() / values.len() as f64).collect();
    Some((quantile(&means, 0.025)?, quantile(&means, 0.975)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_those_of_numpy() {
        // numpy: v = [0.2, 0.9, 0.4, 0.7]; np.std(v, ddof=1), np.quantile(v, [0.25, 0.5, 0.75])
        let values = [0.2, 0.9, 0.4, 0.7];
        approx::assert_abs_diff_eq!(sd(&values).unwrap(), 0.310_912_635_102_964_1, epsilon = 1e-12);
        for (share, expected) in [(0.25, 0.35), (0.5, 0.55), (0.75, 0.75)] {
            approx::assert_abs_diff_eq!(quantile(&values, share).unwrap(), expected, epsilon = 1e-12);
        }
        assert_eq!((mean(&[]), sd(&[1.0]), quantile(&[], 0.5)), (None, None, None));
    }

    #[test]
    fn the_bootstrap_interval_is_that_of_the_normal_approximation_for_many_values() {
        let values: Vec<f64> = (0..400).map(|step| f64::from(step % 20) / 20.0).collect();
        let (low, high) = bootstrap(&values, [0; 4]).unwrap();
        let half = 1.96 * sd(&values).unwrap() / 20.0;
        let mean = mean(&values).unwrap();
        assert!((low - (mean - half)).abs() < 0.1 * half && (high - (mean + half)).abs() < 0.1 * half);
        assert_eq!(bootstrap(&values, [0; 4]), Some((low, high)), "the same numbers each time");
        assert_eq!(bootstrap(&[1.0], [0; 4]), None);
    }
}
