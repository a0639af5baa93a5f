//! Whether the tolerance of the surface Dice is above the voxel size of a data set.

use crate::plan::rules::measured_numbers::six_digits;
use crate::plan::schema::plan::Plan;

/// A tolerance below the smallest edge of the median voxel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TooFine {
    /// The smallest edge of the median voxel.
    pub(super) edge_mm: f64,
    /// That edge, rounded up to two digits.
    pub(super) instead_mm: f64,
}

/// Whether the tolerance of a plan is below the smallest edge of the median voxel. No distance between surface voxels is below that
/// and above 0, so that the surface Dice counts only identical surface voxels.
pub(super) fn too_fine(plan: &Plan) -> Option<TooFine> {
    let edge = plan.data.median_spacing_mm.0.into_iter().fold(f64::INFINITY, f64::min);
    let finer = plan.evaluate.surface_tolerance_mm < edge && edge.is_finite();
    finer.then(|| TooFine { edge_mm: six_digits(edge), instead_mm: two_digits_up(edge) })
}

/// The same as a sentence for a report.
pub fn surface_note(plan: &Plan) -> Option<String> {
    let TooFine { edge_mm, .. } = too_fine(plan)?;
    Some(format!(
        "The tolerance of the surface Dice, {} mm, is below the smallest edge of the median voxel ({edge_mm} mm): only identical \
         surface voxels are counted.",
        plan.evaluate.surface_tolerance_mm
    ))
}

/// A positive number rounded up to two digits: 1.25 becomes 1.3.
fn two_digits_up(value: f64) -> f64 {
    let decimals = (1.0 - value.log10().floor()) as i32;
    let scale = 10_f64.powi(decimals);
    // The binary error of 3.3 must not give 3.4.
    let up = (value * scale - 1e-9).ceil();
    if decimals >= 0 { up / scale } else { up * 10_f64.powi(-decimals) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::example;
    use crate::volume::Spacing;

    #[test]
    fn a_tolerance_below_the_smallest_voxel_edge_is_reported() {
        let mut plan = example();
        for (spacing, expected) in [
            ([1.0, 1.0, 1.0], None),
            ([9.6, 1.25, 1.25], Some(1.3)),
            ([5.47, 5.47, 3.27], Some(3.3)),
            ([3.3, 5.5, 5.5], Some(3.3)),
            ([5.0, 0.8, 0.8], None),
            ([123.4, 120.1, 130.0], Some(130.0)),
        ] {
            plan.data.median_spacing_mm = Spacing(spacing);
            assert_eq!(too_fine(&plan).map(|found| found.instead_mm), expected, "{spacing:?}");
            assert_eq!(surface_note(&plan).is_some(), expected.is_some());
        }
        plan.data.median_spacing_mm = Spacing([0.125; 3]);
        plan.evaluate.surface_tolerance_mm = 0.1;
        assert_eq!(too_fine(&plan).map(|found| found.instead_mm), Some(0.13));
    }
}
