//! The content of a fingerprint, and the quantities that the plan's rules derive from it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::dataset::CaseId;
use crate::fingerprint::anomalies::Anomalies;
use crate::statistics::median;
use crate::volume::intensity::IntensityRange;
use crate::volume::orient::AxisCodes;
use crate::volume::{Shape, Spacing};

/// The measurements of one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseFingerprint {
    /// The case.
    pub id: CaseId,
    /// Its shape, voxels, `[z, y, x]`.
    pub shape: Shape,
    /// Its shape after cropping to the non-zero region, voxels, `[z, y, x]`.
    pub cropped_shape: Shape,
    /// Its spacing, mm, `[z, y, x]`.
    pub spacing: Spacing,
    /// Directions of its axes; `None` if its header states no orientation.
    #[serde(default)]
    pub axis_codes: Option<AxisCodes>,
    /// Range of most intensities, per channel. Empty in fingerprints of earlier versions.
    #[serde(default)]
    pub ranges: Vec<IntensityRange>,
    /// Number of voxels per foreground label that occurs.
    pub voxels: BTreeMap<u8, u64>,
    /// Number of 26-connected components per foreground label that occurs.
    pub components: BTreeMap<u8, u64>,
    /// Properties that are unusual but no error.
    #[serde(default)]
    pub anomalies: Anomalies,
}

/// Statistics of a channel's intensities in the foreground of all training cases.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct IntensityStatistics {
    /// Mean.
    pub mean: f64,
    /// Population standard deviation.
    pub sd: f64,
    /// Minimum.
    pub min: f64,
    /// 0.5th percentile.
    pub p00_5: f64,
    /// Median.
    pub median: f64,
    /// 99.5th percentile.
    pub p99_5: f64,
    /// Maximum.
    pub max: f64,
}

/// The measurements of a data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The training cases, in the data set's order.
    pub cases: Vec<CaseFingerprint>,
    /// Foreground intensities per channel; `None` if no case has foreground.
    pub intensities: Vec<Option<IntensityStatistics>>,
}

impl Fingerprint {
    /// Whether it contains every measurement of this version.
    pub fn is_complete(&self) -> bool {
        self.cases.iter().all(|case| !case.ranges.is_empty())
    }

    /// The number of cases per axis order. Cases whose files state no orientation are left out.
    pub fn axis_codes(&self) -> BTreeMap<AxisCodes, usize> {
        let mut found = BTreeMap::new();
        for codes in self.cases.iter().filter_map(|case| case.axis_codes) {
            *found.entry(codes).or_default() += 1;
        }
        found
    }

    /// Median spacing of the cases, mm, `[z, y, x]`, per axis.
    ///
    /// Source: arXiv:1809.10486, 2.2.
    pub fn median_spacing(&self) -> Spacing {
        Spacing(std::array::from_fn(|axis| self.median(|case| case.spacing.0[axis])))
    }

    /// Median shape of the cropped cases at a common spacing, voxels, `[z, y, x]`, per axis.
    pub fn median_shape(&self, spacing: Spacing) -> [f64; 3] {
        std::array::from_fn(|axis| {
            self.median(|case| case.cropped_shape.0[axis] as f64 * case.spacing.0[axis] / spacing.0[axis])
        })
    }

    /// Median over the cases; a fingerprint has at least one.
    fn median(&self, value: impl Fn(&CaseFingerprint) -> f64) -> f64 {
        median(&self.cases.iter().map(value).collect::<Vec<_>>()).expect("a fingerprint has a case")
    }

    /// Mean over cases of the cropped volume divided by the original volume.
    ///
    /// Source: arXiv:1809.10486, 2.2 ("average size"). Differs: nnU-Net commit 6150f1b0 takes the median.
    pub fn cropped_fraction(&self) -> f64 {
        let fraction = |case: &CaseFingerprint| case.cropped_shape.voxels() as f64 / case.shape.voxels() as f64;
        self.cases.iter().map(fraction).sum::<f64>() / self.cases.len() as f64
    }

    /// Labels that are a single 26-connected component in every case that has them; at least one case has to.
    ///
    /// Source: arXiv:1809.10486, 2.5, which leaves connectivity and absent labels open. Differs: in nnU-Net commit
    /// 6150f1b0, a single case without the label excludes it.
    pub fn single_component_labels(&self, labels: impl Iterator<Item = u8>) -> Vec<u8> {
        labels
            .filter(|label| {
                let mut parts = self.cases.iter().filter_map(|case| case.components.get(label)).peekable();
                parts.peek().is_some() && parts.all(|&parts| parts == 1)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(id: &str, shape: [usize; 3], spacing: [f64; 3], components: &[(u8, u64)]) -> CaseFingerprint {
        CaseFingerprint {
            id: CaseId(id.to_owned()),
            shape: Shape([shape[0] * 2, shape[1], shape[2]]),
            cropped_shape: Shape(shape),
            spacing: Spacing(spacing),
            axis_codes: None,
            ranges: Vec::new(),
            voxels: BTreeMap::new(),
            components: components.iter().copied().collect(),
            anomalies: Anomalies::default(),
        }
    }

    #[test]
    fn medians_are_taken_per_axis_at_a_common_spacing() {
        let cases = vec![
            case("a", [10, 20, 30], [2.0, 1.0, 1.0], &[]),
            case("b", [30, 10, 20], [1.0, 1.0, 2.0], &[]),
            case("c", [20, 40, 10], [3.0, 1.0, 1.0], &[]),
        ];
        let fingerprint = Fingerprint { cases, intensities: Vec::new() };
        let spacing = fingerprint.median_spacing();
        assert_eq!(spacing, Spacing([2.0, 1.0, 1.0]));
        for (found, expected) in fingerprint.median_shape(spacing).into_iter().zip([15.0, 20.0, 30.0]) {
            assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
        }
        assert!((fingerprint.cropped_fraction() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_label_with_two_components_in_any_case_is_not_single() {
        let cases = vec![case("a", [1; 3], [1.0; 3], &[(1, 1), (2, 1)]), case("b", [1; 3], [1.0; 3], &[(2, 2)])];
        let fingerprint = Fingerprint { cases, intensities: Vec::new() };
        assert_eq!(fingerprint.single_component_labels([1, 2, 3].into_iter()), [1]);
    }
}
