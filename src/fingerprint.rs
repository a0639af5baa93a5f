//! What is measured of a data set: shapes, spacings, foreground intensities, components, and how much cropping removes.
//!
//! Input: the files of a [`Dataset`]. Output: a [`Fingerprint`], which the plan's rules read. Deliberately absent: any
//! decision. Source: arXiv:1809.10486, section 2 (spec section 2).

mod noted;

use std::collections::BTreeMap;

use ndarray::ArrayView3;
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use self::noted::Noted;
use crate::dataset::budget::{Budget, side_by_side};
use crate::dataset::gate::{Expected, Issue, IssueKind, Issues, read_case};
use crate::dataset::{Case, CaseId, Dataset};
use crate::statistics::{median, moments, quantile_of_sorted};
use crate::units::counted;
use crate::volume::components::{Connectivity, count_labels};
use crate::volume::crop::nonzero_box;
use crate::volume::intensity::IntensityRange;
use crate::volume::io::read_header;
use crate::volume::orient::AxisCodes;
use crate::volume::{LabelMap, Shape, Spacing};

/// One in so many foreground voxels, in raster order, is looked at for intensities. Source: spec section 2.
const INTENSITY_STEP: usize = 10;

/// A data set could not be measured.
#[derive(Debug, Error)]
pub enum FingerprintError {
    /// Files of some cases cannot be used: every fault of every case.
    #[error("{}", refused(.0))]
    Issues(Vec<Issue>),
    /// There is nothing to measure.
    #[error("data set `{0}` has no training case")]
    Empty(String),
}

fn refused(faults: &[Issue]) -> String {
    let mut cases: Vec<&CaseId> = faults.iter().map(|fault| &fault.case).collect();
    cases.dedup();
    let of = format!("{} cannot be used", counted(cases.len(), "case"));
    let listed: Vec<String> = faults.iter().map(|fault| format!("\n  {fault}")).collect();
    format!("{of}:{}\ncorrect these files, or leave the cases out: `data.exclude` in the plan", listed.concat())
}

/// What was measured of one case.
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
    /// Which way its axes point; `None` if its header has no placement.
    #[serde(default)]
    pub axis_codes: Option<AxisCodes>,
    /// Where most intensities of each channel lie. Empty in fingerprints of versions that did not measure them.
    #[serde(default)]
    pub ranges: Vec<IntensityRange>,
    /// Voxels of each foreground label that it has.
    pub voxels: BTreeMap<u8, u64>,
    /// Number of 26-connected components of each foreground label that it has.
    pub components: BTreeMap<u8, u64>,
    /// What of it is worth a look.
    #[serde(default)]
    pub noted: Noted,
}

/// Intensities of a channel under the foreground labels of all training cases.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct IntensityStatistics {
    /// Mean.
    pub mean: f64,
    /// Population standard deviation.
    pub sd: f64,
    /// Smallest value.
    pub min: f64,
    /// 0.5 % quantile.
    pub percentile_00_5: f64,
    /// Median.
    pub median: f64,
    /// 99.5 % quantile.
    pub percentile_99_5: f64,
    /// Largest value.
    pub max: f64,
}

/// What was measured of a data set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Each training case, in the data set's order.
    pub cases: Vec<CaseFingerprint>,
    /// Foreground intensities of each channel; none where no case has foreground.
    pub intensities: Vec<Option<IntensityStatistics>>,
}

/// Bytes that measuring a case takes: its image, its labels, and the non-zero mask.
pub fn bytes_to_measure(shape: Shape, channels: usize) -> u64 {
    let per_voxel = channels.saturating_mul(size_of::<f32>()).saturating_add(size_of::<i16>() + size_of::<bool>());
    (shape.voxels() as u64).saturating_mul(per_voxel as u64)
}

/// Measures the training cases of a data set, as many at a time as fit into `memory_bytes`.
///
/// `on_done` is called after each case. The result depends neither on the number of threads nor on the memory.
///
/// # Errors
///
/// Every fault of every case, in the data set's order.
pub fn measure(
    dataset: &Dataset,
    memory_bytes: u64,
    on_done: &(dyn Fn() + Sync),
) -> Result<Fingerprint, FingerprintError> {
    if dataset.training.is_empty() {
        return Err(FingerprintError::Empty(dataset.name.clone()));
    }
    let budget = Budget::new(memory_bytes);
    let measured = side_by_side(&dataset.training, &|case| {
        let measured = measure_case(case, dataset, &budget);
        on_done();
        Some(measured)
    });
    let (mut cases, mut sampled, mut faults) = (Vec::with_capacity(measured.len()), Vec::new(), Vec::new());
    for case in measured.into_iter().flatten() {
        let (case, intensities) = match case {
            Ok(measured) => measured,
            Err(Issues(of_case)) => {
                faults.extend(of_case);
                continue;
            }
        };
        cases.push(case);
        sampled.push(intensities);
    }
    if !faults.is_empty() {
        return Err(FingerprintError::Issues(faults));
    }
    let intensities = (0..dataset.channels.len()).map(|channel| statistics(pooled(&mut sampled, channel)));
    Ok(Fingerprint { intensities: intensities.collect(), cases })
}

/// The intensities of a channel of all cases, which are taken from them.
fn pooled(sampled: &mut [Vec<Vec<f32>>], channel: usize) -> Vec<f32> {
    let mut pool = Vec::with_capacity(sampled.iter().map(|case| case[channel].len()).sum());
    for case in sampled {
        pool.append(&mut std::mem::take(&mut case[channel]));
    }
    pool
}

/// One case, and a sample of the foreground intensities of each channel.
fn measure_case(case: &Case, dataset: &Dataset, budget: &Budget) -> Result<(CaseFingerprint, Vec<Vec<f32>>), Issues> {
    let claim = budget.claim(needed(case, budget.limit())?);
    let (image, labels) = read_case(case, &Expected::of(dataset, budget.limit()))?;
    let shape = image.geometry.shape;
    let (_, bounds) = nonzero_box(image.voxels.view());
    let intensities: Vec<Vec<f32>> =
        image.voxels.outer_iter().map(|channel| sample(channel, labels.labels.view())).collect();
    let (voxels, components) = count_components(&labels, dataset);
    claim.keep(intensities.iter().map(|values| (values.capacity() * size_of::<f32>()) as u64).sum());
    let measured = CaseFingerprint {
        id: case.id.clone(),
        shape,
        cropped_shape: bounds.shape(),
        spacing: image.geometry.spacing,
        axis_codes: image.geometry.axis_codes(),
        ranges: image.voxels.outer_iter().map(IntensityRange::of).collect(),
        voxels,
        components,
        noted: Noted::of(&image),
    };
    Ok((measured, intensities))
}

/// Bytes that measuring a case takes, by its headers; `None` if one of them cannot be read: the gate reports why.
fn needed(case: &Case, allowed: u64) -> Result<u64, Issues> {
    let headers: Vec<_> = case.images.iter().filter_map(|path| read_header(path).ok()).collect();
    let (Some(first), Some(path)) = (headers.first(), case.images.first()) else { return Ok(0) };
    let (shape, channels) = (first.geometry.shape, headers.iter().map(|header| header.channels).sum());
    let needed = bytes_to_measure(shape, channels);
    if needed <= allowed {
        return Ok(needed);
    }
    let kind = IssueKind::TooLarge { shape, channels, needed, allowed };
    Err(Issues(vec![Issue { case: case.id.clone(), path: path.clone(), kind }]))
}

/// Intensities of a channel under the foreground labels, of one voxel in [`INTENSITY_STEP`].
fn sample(channel: ArrayView3<'_, f32>, labels: ArrayView3<'_, i16>) -> Vec<f32> {
    let foreground = channel.iter().zip(labels).filter(|&(_, &label)| label > 0).map(|(&value, _)| value);
    foreground.step_by(INTENSITY_STEP).collect()
}

/// Voxels and components of each label that a case has.
fn count_components(labels: &LabelMap, dataset: &Dataset) -> (BTreeMap<u8, u64>, BTreeMap<u8, u64>) {
    let counts = count_labels(labels.labels.view(), Connectivity::Corners);
    let known = |&label: &u8| Some((label, *counts.get(&i16::from(label))?));
    let counts: Vec<_> = dataset.labels.keys().filter_map(known).collect();
    let voxels = counts.iter().map(|&(label, count)| (label, count.voxels as u64)).collect();
    (voxels, counts.iter().map(|&(label, count)| (label, count.components as u64)).collect())
}

fn statistics(mut values: Vec<f32>) -> Option<IntensityStatistics> {
    let moments = moments(values.iter().copied().map(f64::from))?;
    values.sort_unstable_by(f32::total_cmp);
    let quantile = |fraction| quantile_of_sorted(&values, fraction);
    Some(IntensityStatistics {
        mean: moments.mean,
        sd: moments.population_sd,
        min: (*values.first()?).into(),
        percentile_00_5: quantile(0.005)?,
        median: quantile(0.5)?,
        percentile_99_5: quantile(0.995)?,
        max: (*values.last()?).into(),
    })
}

impl Fingerprint {
    /// Whether all is measured that this version measures.
    pub fn is_whole(&self) -> bool {
        self.cases.iter().all(|case| !case.ranges.is_empty())
    }

    /// The axis codes of the cases, each with its number of cases. Cases without placement are not among them.
    pub fn axis_codes(&self) -> BTreeMap<AxisCodes, usize> {
        let mut found = BTreeMap::new();
        for codes in self.cases.iter().filter_map(|case| case.axis_codes) {
            *found.entry(codes).or_default() += 1;
        }
        found
    }

    /// Median spacing of the cases, mm, `[z, y, x]`, each axis by itself.
    pub fn median_spacing(&self) -> Spacing {
        Spacing(std::array::from_fn(|axis| self.median(|case| case.spacing.0[axis])))
    }

    /// Median shape of the cropped cases at a common spacing, voxels, `[z, y, x]`, each axis by itself.
    pub fn median_shape(&self, spacing: Spacing) -> [f64; 3] {
        std::array::from_fn(|axis| {
            self.median(|case| case.cropped_shape.0[axis] as f64 * case.spacing.0[axis] / spacing.0[axis])
        })
    }

    /// Median over the cases; a fingerprint has at least one.
    fn median(&self, value: impl Fn(&CaseFingerprint) -> f64) -> f64 {
        median(&self.cases.iter().map(value).collect::<Vec<_>>()).expect("a fingerprint has a case")
    }

    /// Mean over cases of the cropped volume divided by the whole one. Source: spec section 5.
    pub fn crop_ratio(&self) -> f64 {
        let ratio = |case: &CaseFingerprint| case.cropped_shape.voxels() as f64 / case.shape.voxels() as f64;
        self.cases.iter().map(ratio).sum::<f64>() / self.cases.len() as f64
    }

    /// Labels that are a single 26-connected component in every case that has them; at least one case has to.
    ///
    /// Source: spec section 13.
    pub fn single_component(&self, labels: impl Iterator<Item = u8>) -> Vec<u8> {
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
            noted: Noted::default(),
        }
    }

    #[test]
    fn medians_are_taken_axis_by_axis_at_a_common_spacing() {
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
        assert!((fingerprint.crop_ratio() - 0.5).abs() < 1e-12);
    }

    #[test]
    fn a_label_is_single_if_no_case_that_has_it_has_two_parts_of_it() {
        let cases = vec![case("a", [1; 3], [1.0; 3], &[(1, 1), (2, 1)]), case("b", [1; 3], [1.0; 3], &[(2, 2)])];
        let fingerprint = Fingerprint { cases, intensities: Vec::new() };
        assert_eq!(fingerprint.single_component([1, 2, 3].into_iter()), [1]);
    }

    #[test]
    fn statistics_are_those_of_numpy() {
        // numpy: v = (np.arange(21)**2).astype("f4"); v.mean(), v.std(), np.percentile(v, [0.5, 50, 99.5])
        let values = (0..21_u16).map(|value| f32::from(value * value)).collect();
        let found = statistics(values).unwrap();
        for (found, expected) in [
            (found.mean, 136.666_666_666_666_66),
            (found.sd, 125.438_785_424_958_92),
            (found.percentile_00_5, 0.1),
            (found.median, 100.0),
            (found.percentile_99_5, 396.1),
            (found.min, 0.0),
            (found.max, 400.0),
        ] {
            assert!((found - expected).abs() < 1e-4, "{found} is not {expected}");
        }
        assert_eq!(statistics(Vec::new()), None);
    }
}
