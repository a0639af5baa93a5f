//! The Gaussian of SciPy's `gaussian_filter`, which ends at four standard deviations.

/// Number of standard deviations after which the Gaussian is 0.
const TRUNCATE: f64 = 4.0;

/// The Gaussian at a distance from its centre: 1 at the centre, 0 beyond SciPy's truncation. `distance` and `sigma` are
/// in voxels.
pub fn gaussian(distance: f64, sigma: f64) -> f64 {
    if distance.abs() > radius(sigma) { 0.0 } else { (-0.5 * (distance / sigma.max(f64::MIN_POSITIVE)).powi(2)).exp() }
}

/// One half of a filter kernel, from its centre outwards; the whole kernel sums to 1.
pub fn half_kernel(sigma: f64) -> Vec<f64> {
    let weights: Vec<f64> = (0..=radius(sigma) as usize).map(|distance| gaussian(distance as f64, sigma)).collect();
    let sum = 2.0 * weights.iter().sum::<f64>() - weights[0];
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// Distance of the last weight that is not 0.
fn radius(sigma: f64) -> f64 {
    (TRUNCATE * sigma + 0.5).floor()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_sums_to_one_and_ends_at_four_standard_deviations() {
        for (sigma, len) in [(0.0, 1), (1.0, 5), (9.0, 37), (2.6, 11)] {
            let half = half_kernel(sigma);
            assert_eq!(half.len(), len, "sigma {sigma}");
            let sum = 2.0 * half.iter().sum::<f64>() - half[0];
            assert!((sum - 1.0).abs() < 1e-12, "sigma {sigma}: {sum}");
        }
        assert!(gaussian(0.5, 0.0) < f64::MIN_POSITIVE, "a Gaussian without width");
        assert!(gaussian(4.0, 1.0) > 0.0 && gaussian(4.6, 1.0) == 0.0);
    }
}
