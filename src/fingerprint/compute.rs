//! Measures the cases of a data set.

use std::collections::BTreeMap;

use ndarray::ArrayView3;
use thiserror::Error;

use crate::dataset::budget::{MemoryBudget, map_parallel};
use crate::dataset::gate::{Expected, Issue, IssueKind, Issues, read_case};
use crate::dataset::{Case, CaseId, Dataset};
use crate::fingerprint::anomalies::Anomalies;
use crate::fingerprint::contents::{CaseFingerprint, Fingerprint, IntensityStatistics};
use crate::statistics::{moments, quantile_of_sorted};
use crate::units::counted;
use crate::volume::components::{Connectivity, count_labels};
use crate::volume::crop::nonzero_box;
use crate::volume::intensity::IntensityRange;
use crate::volume::io::read_header;
use crate::volume::{LabelMap, Shape};

/// Intensities are sampled from every tenth foreground voxel in raster order. Source: nnU-Net commit 6150f1b0.
const INTENSITY_STEP: usize = 10;

/// The fingerprint of a data set could not be computed.
#[derive(Debug, Error)]
pub enum FingerprintError {
    /// Files of some cases cannot be used: every issue of every case.
    #[error("{}", refuse(.0))]
    Issues(Vec<Issue>),
    /// The data set has no training cases.
    #[error("data set `{0}` has no training cases")]
    Empty(String),
}

fn refuse(issues: &[Issue]) -> String {
    let mut cases: Vec<&CaseId> = issues.iter().map(|issue| &issue.case).collect();
    cases.dedup();
    let unusable = counted(cases.len(), "case");
    let listed: Vec<String> = issues.iter().map(|issue| format!("\n  {issue}")).collect();
    format!(
        "{unusable} cannot be used:{}\nfix these files, or exclude the cases: `data.exclude` in the plan",
        listed.concat()
    )
}

/// Bytes that measuring a case needs: its image, its labels, and the non-zero mask.
pub fn bytes_to_measure(shape: Shape, channels: usize) -> u64 {
    let per_voxel = channels.saturating_mul(size_of::<f32>()).saturating_add(size_of::<i16>() + size_of::<bool>());
    (shape.voxels() as u64).saturating_mul(per_voxel as u64)
}

/// Measures the training cases of a data set, as many at a time as fit into `memory_bytes`.
///
/// Calls `on_done` after each case. The result depends neither on the number of threads nor on the memory.
///
/// # Errors
///
/// Every issue of every case, in the data set's order.
pub fn compute_fingerprint(
    dataset: &Dataset,
    memory_bytes: u64,
    on_done: &(dyn Fn() + Sync),
) -> Result<Fingerprint, FingerprintError> {
    if dataset.training.is_empty() {
        return Err(FingerprintError::Empty(dataset.name.clone()));
    }
    let budget = MemoryBudget::new(memory_bytes);
    let measured = map_parallel(&dataset.training, &|case| {
        let measured = measure_case(case, dataset, &budget);
        on_done();
        Some(measured)
    });
    let (mut cases, mut sampled, mut issues) = (Vec::with_capacity(measured.len()), Vec::new(), Vec::new());
    for case in measured.into_iter().flatten() {
        let Measured { fingerprint, intensities } = match case {
            Ok(measured) => measured,
            Err(Issues(of_case)) => {
                issues.extend(of_case);
                continue;
            }
        };
        cases.push(fingerprint);
        sampled.push(intensities);
    }
    if !issues.is_empty() {
        return Err(FingerprintError::Issues(issues));
    }
    let intensities = (0..dataset.channels.len()).map(|channel| compute_statistics(pool(&mut sampled, channel)));
    Ok(Fingerprint { intensities: intensities.collect(), cases })
}

/// Moves the intensities of a channel of all cases into one list.
fn pool(sampled: &mut [Vec<Vec<f32>>], channel: usize) -> Vec<f32> {
    let mut pool = Vec::with_capacity(sampled.iter().map(|case| case[channel].len()).sum());
    for case in sampled {
        pool.append(&mut std::mem::take(&mut case[channel]));
    }
    pool
}

/// A case with a sample of the foreground intensities of each channel.
struct Measured {
    fingerprint: CaseFingerprint,
    intensities: Vec<Vec<f32>>,
}

fn measure_case(case: &Case, dataset: &Dataset, budget: &MemoryBudget) -> Result<Measured, Issues> {
    let claim = budget.claim(bytes_needed(case, budget.limit())?);
    let (image, labels) = read_case(case, &Expected::of(dataset, budget.limit()))?;
    let shape = image.geometry.shape;
    let (_, bounds) = nonzero_box(image.voxels.view());
    let intensities: Vec<Vec<f32>> =
        image.voxels.outer_iter().map(|channel| sample(channel, labels.labels.view())).collect();
    let (voxels, components) = count_components(&labels, dataset);
    claim.keep(intensities.iter().map(|values| (values.capacity() * size_of::<f32>()) as u64).sum());
    let fingerprint = CaseFingerprint {
        id: case.id.clone(),
        shape,
        cropped_shape: bounds.shape(),
        spacing: image.geometry.spacing,
        axis_codes: image.geometry.axis_codes(),
        ranges: image.voxels.outer_iter().map(IntensityRange::of).collect(),
        voxels,
        components,
        anomalies: Anomalies::of(&image),
    };
    Ok(Measured { fingerprint, intensities })
}

/// Bytes that measuring a case needs, from its headers; 0 if the first cannot be read, which the gate reports.
fn bytes_needed(case: &Case, allowed: u64) -> Result<u64, Issues> {
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

/// Intensities of a channel in the foreground, of every [`INTENSITY_STEP`]th voxel in raster order.
fn sample(channel: ArrayView3<'_, f32>, labels: ArrayView3<'_, i16>) -> Vec<f32> {
    let foreground = channel.iter().zip(labels).filter(|&(_, &label)| label > 0).map(|(&value, _)| value);
    foreground.step_by(INTENSITY_STEP).collect()
}

/// Numbers of voxels and of components per label that occurs.
fn count_components(labels: &LabelMap, dataset: &Dataset) -> (BTreeMap<u8, u64>, BTreeMap<u8, u64>) {
    let counts = count_labels(labels.labels.view(), Connectivity::Corners);
    let known = |&label: &u8| Some((label, *counts.get(&i16::from(label))?));
    let counts: Vec<_> = dataset.labels.keys().filter_map(known).collect();
    let voxels = counts.iter().map(|&(label, count)| (label, count.voxels as u64)).collect();
    (voxels, counts.iter().map(|&(label, count)| (label, count.components as u64)).collect())
}

fn compute_statistics(mut values: Vec<f32>) -> Option<IntensityStatistics> {
    let moments = moments(values.iter().copied().map(f64::from))?;
    values.sort_unstable_by(f32::total_cmp);
    let quantile = |fraction| quantile_of_sorted(&values, fraction);
    Some(IntensityStatistics {
        mean: moments.mean,
        sd: moments.population_sd,
        min: (*values.first()?).into(),
        p00_5: quantile(0.005)?,
        median: quantile(0.5)?,
        p99_5: quantile(0.995)?,
        max: (*values.last()?).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_match_numpy() {
        // numpy: v = (np.arange(21)**2).astype("f4"); v.mean(), v.std(), np.percentile(v, [0.5, 50, 99.5])
        let values = (0..21_u16).map(|value| f32::from(value * value)).collect();
        let found = compute_statistics(values).unwrap();
        for (found, expected) in [
            (found.mean, 136.666_666_666_666_66),
            (found.sd, 125.438_785_424_958_92),
            (found.p00_5, 0.1),
            (found.median, 100.0),
            (found.p99_5, 396.1),
            (found.min, 0.0),
            (found.max, 400.0),
        ] {
            assert!((found - expected).abs() < 1e-4, "{found} is not {expected}");
        }
        assert_eq!(compute_statistics(Vec::new()), None);
    }
}
