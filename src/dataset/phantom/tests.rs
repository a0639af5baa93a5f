use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::dataset::verify;
use crate::volume::io::testing::{read_image, read_labels};

/// Levels at which thresholds are tried.
const LEVELS: usize = 100;

/// The best mean Dice of any intensity band, over all cases, per class.
///
/// Intensities are divided by the mean of the case. A free choice of bands per class is an upper bound of all pairs of
/// thresholds.
fn best_bands(dataset: &Dataset) -> [f64; 2] {
    let cases: Vec<_> = dataset
        .training
        .iter()
        .map(|case| {
            let image = read_image(&case.images).expect("an image of the phantom").voxels;
            let labels = read_labels(case.labels.as_ref().expect("a training case")).expect("a label map").labels;
            let mean = image.mean().expect("voxels");
            let level = move |value: f32| ((value / mean * LEVELS as f32 / 4.0).max(0.0) as usize).min(LEVELS - 1);
            let mut histograms = [[0_usize; LEVELS]; 3];
            for (&value, &label) in image.iter().zip(&labels) {
                histograms[label as usize][level(value)] += 1;
            }
            histograms
        })
        .collect();
    [1, 2].map(|class| {
        let mut best = 0.0_f64;
        for low in 0..LEVELS {
            for high in low..LEVELS {
                let dice = cases.iter().map(|histograms| {
                    let hit: usize = histograms[class][low..=high].iter().sum();
                    let taken: usize = histograms.iter().flat_map(|histogram| &histogram[low..=high]).sum();
                    let wanted: usize = histograms[class].iter().sum();
                    2.0 * hit as f64 / (taken + wanted) as f64
                });
                best = best.max(dice.sum::<f64>() / cases.len() as f64);
            }
        }
        best
    })
}

#[test]
fn the_default_phantom_is_valid_varied_and_not_solved_by_thresholds() {
    let folder = tempfile::tempdir().expect("a folder");
    let calls = AtomicUsize::new(0);
    let dataset = write(folder.path(), &PhantomConfig::default(), &|| {
        calls.fetch_add(1, Ordering::Relaxed);
    })
    .expect("a writable folder");
    assert_eq!((dataset.training.len(), calls.into_inner()), (30, 30));
    assert_eq!(verify(&dataset, 1 << 30, &|| {}).len(), 0);

    let mut spacings = BTreeSet::new();
    for case in &dataset.training {
        let labels = read_labels(case.labels.as_ref().expect("a training case")).expect("a label map");
        spacings.insert(format!("{}", labels.geometry.spacing));
        for class in [1, 2] {
            let voxels = labels.labels.iter().filter(|&&label| label == class).count();
            assert!(voxels > 200, "{}: {voxels} voxels of class {class}", case.id);
        }
    }
    assert!(spacings.len() > 25, "{} different spacings", spacings.len());

    let [organ, core] = best_bands(&dataset);
    assert!(organ.midpoint(core) < 0.6, "bands of intensity alone reach a Dice of {organ:.3} and {core:.3}");
}

#[test]
fn the_same_configuration_gives_the_same_bytes_and_another_seed_different_ones() {
    let config = PhantomConfig { cases: 2, seed: 1, shape: Shape([12, 24, 24]) };
    let [first, second, third] = [1, 1, 2].map(|seed| {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), &PhantomConfig { seed, ..config.clone() }, &|| {}).expect("a writable folder");
        ["dataset.json", "imagesTr/phantom_002.nii.gz", "labelsTr/phantom_002.nii.gz"]
            .map(|file| fs::read(folder.path().join(file)).expect("a written file"))
    });
    assert_eq!(first, second);
    assert_ne!(first[1], third[1]);
}

#[test]
fn a_phantom_too_small_for_its_structures_or_without_cases_is_refused() {
    let config = PhantomConfig { shape: Shape([4, 40, 40]), ..PhantomConfig::default() };
    let folder = tempfile::tempdir().expect("a folder");
    assert!(matches!(write(folder.path(), &config, &|| {}), Err(DatasetError::PhantomShape { .. })));
    let config = PhantomConfig { cases: 0, ..PhantomConfig::default() };
    assert!(matches!(write(folder.path(), &config, &|| {}), Err(DatasetError::NoPhantomCases)));
}
