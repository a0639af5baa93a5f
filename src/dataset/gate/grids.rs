//! Whether two files lie on the same voxel grid.

use crate::dataset::gate::issue::IssueKind;
use crate::volume::Geometry;

/// Maximum relative difference of two spacings: more than single precision and decimal headers lose.
const SPACING_TOLERANCE: f64 = 1e-3;
/// Maximum displacement of a corner voxel between two grids, as a fraction of the smallest voxel edge: too small to
/// affect any label, larger than what tools lose when they rewrite an affine.
const PLACEMENT_TOLERANCE: f64 = 0.1;

/// The differences between a grid and that of the case's first image; empty if they agree within the tolerances.
pub fn compare_grids(expected: &Geometry, found: &Geometry) -> Vec<IssueKind> {
    if expected.shape != found.shape {
        return vec![IssueKind::Shape { expected: expected.shape, found: found.shape }];
    }
    let mut issues = Vec::new();
    let axes = expected.spacing.0.into_iter().zip(found.spacing.0).zip(expected.shape.0);
    // The thickness of a single slice is often unknown, and moves no voxel.
    if axes.into_iter().any(|((a, b), size)| size > 1 && (a - b).abs() > SPACING_TOLERANCE * a.max(b)) {
        issues.push(IssueKind::Spacing { expected: expected.spacing, found: found.spacing });
    }
    let displacement_mm = expected.corner_displacement_mm(found);
    let tolerance_mm = PLACEMENT_TOLERANCE * expected.spacing.0.into_iter().fold(f64::MAX, f64::min);
    if displacement_mm > tolerance_mm {
        issues.push(IssueKind::Placement { displacement_mm, tolerance_mm });
    }
    issues
}
