//! Stability of a ranking of models: how their ranks vary over bootstrap resamples of the cases.

use rand::RngExt as _;

use crate::evaluate::metric::Better;
use crate::random::{Key, Purpose, stream};
use crate::statistics::{BOOTSTRAP_RESAMPLES, BOOTSTRAP_SEED, Interval, mean, quantile};

/// The rank of one model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RankStability {
    /// Rank by the mean over all cases; 1 is the best.
    pub rank: usize,
    /// 95 % percentile interval of the rank over the resamples.
    pub interval: Interval,
    /// Fraction of the resamples in which the model ranks first.
    pub first: f64,
}

/// Ranks models by their mean. `values` holds one list per model, all over the same cases; `counters` select the random stream.
///
/// Returns `None` for fewer than two models or two cases.
pub(crate) fn rank_stability(values: &[Vec<f64>], better: Better, counters: [u64; 4]) -> Option<Vec<RankStability>> {
    let cases = values.first()?.len();
    if values.len() < 2 || cases < 2 {
        return None;
    }
    let ranks = rank(&values.iter().map(|values| merit(better, values)).collect::<Vec<_>>());
    let resampled = resample(values, cases, better, counters);
    let one = |(model, rank): (usize, usize)| {
        let drawn: Vec<f64> = resampled.iter().map(|ranks| ranks[model] as f64).collect();
        let first = drawn.iter().filter(|&&rank| rank < 1.5).count() as f64 / BOOTSTRAP_RESAMPLES as f64;
        let interval = Interval { low: quantile(&drawn, 0.025)?, high: quantile(&drawn, 0.975)? };
        Some(RankStability { rank, interval, first })
    };
    ranks.into_iter().enumerate().map(one).collect()
}

fn merit(better: Better, values: &[f64]) -> f64 {
    better.merit(mean(values).unwrap_or(f64::NAN))
}

/// Ranks in each resample; all models see the same cases.
fn resample(values: &[Vec<f64>], cases: usize, better: Better, counters: [u64; 4]) -> Vec<Vec<usize>> {
    let mut random = stream(Key { purpose: Purpose::Bootstrap, seed: BOOTSTRAP_SEED, counters });
    let mut ranks = Vec::with_capacity(BOOTSTRAP_RESAMPLES);
    for _ in 0..BOOTSTRAP_RESAMPLES {
        let drawn: Vec<usize> = (0..cases).map(|_| random.random_range(0..cases)).collect();
        let merit_of = |values: &Vec<f64>| merit(better, &drawn.iter().map(|&case| values[case]).collect::<Vec<_>>());
        ranks.push(rank(&values.iter().map(merit_of).collect::<Vec<_>>()));
    }
    ranks
}

/// The rank of each merit, 1 for the largest; equal merits have the same rank.
fn rank(merits: &[f64]) -> Vec<usize> {
    merits.iter().map(|own| 1 + merits.iter().filter(|other| *other > own).count()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_is_better_in_every_case_always_ranks_first() {
        let values = [vec![0.5, 0.6, 0.7], vec![0.8, 0.9, 0.9]];
        let found = rank_stability(&values, Better::Higher, [0; 4]).unwrap();
        assert_eq!((found[0].rank, found[1].rank), (2, 1));
        approx::assert_abs_diff_eq!(found[0].first, 0.0);
        approx::assert_abs_diff_eq!(found[1].first, 1.0);
        assert_eq!(rank_stability(&values, Better::Lower, [0; 4]).unwrap()[0].rank, 1);
        assert_eq!(rank_stability(&values[..1], Better::Higher, [0; 4]), None);
    }
}
