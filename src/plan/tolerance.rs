//! Whether the tolerance of the surface Dice can tell anything apart on a data set's voxels.

use crate::plan::schema::Plan;

/// A tolerance below the edge of a voxel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TooFine {
    /// The smallest edge of the median voxel, mm.
    pub(super) edge: f64,
    /// The smallest tolerance that is worth setting, mm.
    pub(super) instead: f64,
}

/// What is wrong with a plan's tolerance: where it is below the smallest edge of the median voxel, there is no distance between 0
/// and one voxel, and the surface Dice counts identical surface voxels only.
pub(super) fn too_fine(plan: &Plan) -> Option<TooFine> {
    let edge = plan.data.median_spacing_mm.0.into_iter().fold(f64::INFINITY, f64::min);
    let finer = plan.evaluate.surface_tolerance_mm < edge && edge.is_finite();
    finer.then(|| TooFine { edge, instead: two_digits_up(edge) })
}

/// The same as a sentence of a report.
pub fn surface_note(plan: &Plan) -> Option<String> {
    let TooFine { edge, .. } = too_fine(plan)?;
    Some(format!(
        "The surface Dice has a tolerance of {} mm, which is below the smallest edge of the median voxel ({edge} mm): it counts \
         surface voxels that are identical.",
        plan.evaluate.surface_tolerance_mm
    ))
}

/// A positive number rounded up to two digits: 1.25 becomes 1.3.
fn two_digits_up(value: f64) -> f64 {
    let decimals = (1.0 - value.log10().floor()) as i32;
    let scale = 10_f64.powi(decimals);
    // What binary numbers add to 3.3 is not a reason for 3.4.
    let up = (value * scale - 1e-9).ceil();
    if decimals >= 0 { up / scale } else { up * 10_f64.powi(-decimals) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::Spacing;

    #[test]
    fn a_tolerance_below_every_distance_is_noted_and_no_other() {
        let mut plan: Plan = toml::from_str(include_str!("example.toml")).unwrap();
        for (spacing, expected) in [
            ([1.0, 1.0, 1.0], None),
            ([9.6, 1.25, 1.25], Some(1.3)),
            ([5.47, 5.47, 3.27], Some(3.3)),
            ([3.3, 5.5, 5.5], Some(3.3)),
            ([5.0, 0.8, 0.8], None),
            ([123.4, 120.1, 130.0], Some(130.0)),
        ] {
            plan.data.median_spacing_mm = Spacing(spacing);
            assert_eq!(too_fine(&plan).map(|found| found.instead), expected, "{spacing:?}");
            assert_eq!(surface_note(&plan).is_some(), expected.is_some());
        }
        plan.data.median_spacing_mm = Spacing([0.125; 3]);
        plan.evaluate.surface_tolerance_mm = 0.1;
        assert_eq!(too_fine(&plan).map(|found| found.instead), Some(0.13));
    }
}
