//! The Wilcoxon signed-rank test for paired differences, and Holm's adjustment of several p values.
//!
//! Source: Wilcoxon, Biometrics Bulletin 1 (1945) 80; Holm, Scandinavian Journal of Statistics 6 (1979) 65.

/// Largest number of differences for which the exact distribution is used; for more, and with ties, the normal approximation is.
/// As in SciPy.
const MAX_EXACT: usize = 50;

/// Result of a signed-rank test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SignedRank {
    /// The smaller of the sums of positive and of negative ranks.
    pub statistic: f64,
    /// Two-sided p value.
    pub p: f64,
    /// Matched-pairs rank-biserial correlation, -1 to 1; 1 if every difference is positive.
    pub effect: f64,
}

/// Tests whether paired differences are symmetric about zero. Zero differences are dropped; returns `None` if all are zero.
pub(crate) fn signed_rank(differences: &[f64]) -> Option<SignedRank> {
    let mut sorted: Vec<f64> = differences.iter().copied().filter(|&difference| difference != 0.0).collect();
    sorted.sort_unstable_by(|left, right| left.abs().total_cmp(&right.abs()));
    if sorted.is_empty() {
        return None;
    }
    let (mut positive, mut negative, mut ties) = (0.0, 0.0, 0.0);
    for group in sorted.chunk_by(|left, right| left.abs().total_cmp(&right.abs()).is_eq()) {
        let before = sorted.iter().take_while(|value| value.abs() < group[0].abs()).count() as f64;
        let size = group.len() as f64;
        let rank = before + f64::midpoint(size, 1.0);
        ties += size * (size * size - 1.0);
        for difference in group {
            *(if *difference > 0.0 { &mut positive } else { &mut negative }) += rank;
        }
    }
    let count = sorted.len();
    let n = count as f64;
    let statistic = f64::min(positive, negative);
    let exact = count <= MAX_EXACT && ties == 0.0 && count == differences.len();
    let p = if exact { exact_p(count, statistic as usize) } else { normal_p(n, ties, statistic) };
    Some(SignedRank { statistic, p, effect: (positive - negative) / (n * (n + 1.0) / 2.0) })
}

/// Twice the fraction of all sign assignments whose sum of positive ranks is at most `statistic`.
fn exact_p(count: usize, statistic: usize) -> f64 {
    let sum = count * (count + 1) / 2;
    let mut ways = vec![0.0; sum + 1];
    ways[0] = 1.0;
    for rank in 1..=count {
        for total in (rank..=sum).rev() {
            ways[total] += ways[total - rank];
        }
    }
    let below: f64 = ways[..=statistic].iter().sum();
    (2.0 * below / 2.0_f64.powi(count as i32)).min(1.0)
}

/// The normal approximation, with the variance corrected for ties and without continuity correction.
fn normal_p(n: f64, ties: f64, statistic: f64) -> f64 {
    let mean = n * (n + 1.0) / 4.0;
    let variance = (n * (n + 1.0) * (2.0 * n + 1.0) - ties / 2.0) / 24.0;
    let z = (statistic - mean).abs() / variance.sqrt();
    libm::erfc(z / std::f64::consts::SQRT_2).min(1.0)
}

/// Holm's adjustment of a family of p values. Missing values stay missing and do not count.
pub(crate) fn adjust_holm(values: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<(usize, f64)> =
        values.iter().enumerate().filter_map(|(at, value)| Some((at, (*value)?))).collect();
    order.sort_by(|(_, left), (_, right)| left.total_cmp(right));
    let mut adjusted = vec![None; values.len()];
    let mut largest = 0.0_f64;
    for (rank, (at, value)) in order.iter().enumerate() {
        largest = largest.max((value * (order.len() - rank) as f64).min(1.0));
        adjusted[*at] = Some(largest);
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Reference {
        differences: Vec<f64>,
        statistic: f64,
        p: f64,
        effect: f64,
    }

    #[test]
    fn p_values_match_scipy() {
        let text = include_str!("../../../tests/reference/values/wilcoxon.json");
        let cases: Vec<Reference> = serde_json::from_str(text).unwrap();
        assert!(cases.len() >= 8);
        for case in cases {
            let found = signed_rank(&case.differences).unwrap();
            approx::assert_relative_eq!(found.statistic, case.statistic, max_relative = 1e-12);
            approx::assert_relative_eq!(found.p, case.p, max_relative = 1e-9);
            approx::assert_abs_diff_eq!(found.effect, case.effect, epsilon = 1e-12);
        }
        assert_eq!(signed_rank(&[0.0, 0.0]), None);
    }

    #[test]
    fn holm_adjustment_matches_r() {
        // R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") = 0.03 0.06 0.06 0.02
        let adjusted = adjust_holm(&[Some(0.01), Some(0.04), None, Some(0.03), Some(0.005)]);
        for (found, expected) in adjusted.iter().zip([Some(0.03), Some(0.06), None, Some(0.06), Some(0.02)]) {
            match (found, expected) {
                (Some(found), Some(expected)) => approx::assert_abs_diff_eq!(*found, expected, epsilon = 1e-12),
                (found, expected) => assert_eq!(*found, expected),
            }
        }
    }
}
