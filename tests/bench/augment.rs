//! Augmented 3D training patches a second, on one thread, against batchgenerators where Python has it.
//!
//! Every transform fires on every sample: elastic deformation, rotation, scaling, gamma, mirroring; order 3 for the image
//! and order 1 for the labels; 62 × 75 × 57 voxels loaded, 40 × 56 × 40 out. Run with
//! `cargo bench --bench augment -- [PYTHON]`, where `PYTHON` has batchgenerators installed.

#![allow(clippy::print_stdout, reason = "a bench reports on the terminal")]

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use ndarray::{Array3, Array4};
use rand::RngExt as _;
use segplan::plan::schema::{
    Augment, AugmentationKind, ComponentRemoval, Configuration, Elastic, Gamma, Mirroring, Morphology, Rotation,
    Scaling,
};
use segplan::random::{Key, Purpose, Rng, stream};
use segplan::train::augment::Augmenter;
use segplan::train::sample::Patch;
use segplan::volume::{Shape, Spacing};

const ROUNDS: usize = 7;
const PATCHES: u64 = 50;

fn main() {
    let augmenter = Augmenter::new(&augment(), &configuration());
    let mut loaded = fixture(augmenter.loaded_size());
    // Real labels are mostly blocks of one value; a ball is a fair stand-in.
    let [z, y, x] = augmenter.loaded_size().0.map(|edge| edge as f64 / 2.0);
    loaded.labels = Array3::from_shape_fn(loaded.labels.dim(), |(i, j, k)| {
        let distance = ((i as f64 - z).powi(2) + (j as f64 - y).powi(2) + (k as f64 - x).powi(2)).sqrt();
        i16::from(distance < 16.0) + i16::from(distance < 9.0)
    });
    let mut rates: Vec<f64> = (0..=ROUNDS).map(|round| rate(&augmenter, &loaded, round as u64)).skip(1).collect();
    rates.sort_by(f64::total_cmp);
    let ours = rates[ROUNDS / 2];
    println!("segplan          {ours:8.1} patches a second (median of {ROUNDS})");
    let python = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    if let Some(theirs) = python.and_then(|python| batchgenerators(&python)) {
        println!("batchgenerators  {theirs:8.1} patches a second");
        println!("ratio            {:8.1}", ours / theirs);
    }
}

fn rate(augmenter: &Augmenter, loaded: &Patch, round: u64) -> f64 {
    let start = Instant::now();
    for sample in 0..PATCHES {
        let mut rng = rng([round, sample]);
        let draw = augmenter.draw(1, &mut rng);
        black_box(augmenter.apply(&draw, black_box(loaded)));
    }
    PATCHES as f64 / start.elapsed().as_secs_f64()
}

/// What the script of the peer prints as its median; nothing where it cannot run.
fn batchgenerators(python: &str) -> Option<f64> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/peers/augment_batchgenerators.py");
    let output = Command::new(python).arg(script).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

fn rng([round, sample]: [u64; 2]) -> Rng {
    stream(Key { purpose: Purpose::TrainingPatch, seed: 0, counters: [0, 0, round, sample] })
}

fn fixture(size: Shape) -> Patch {
    let [z, y, x] = size.0;
    let mut rng = rng([0, u64::MAX]);
    Patch {
        image: Array4::from_shape_simple_fn((1, z, y, x), || rng.random::<f32>()),
        labels: Array3::zeros((z, y, x)),
        first_stage: None,
    }
}

fn augment() -> Augment {
    Augment {
        label_order: 1,
        elastic: Elastic {
            probability: 1.0,
            alpha_3d_voxels: [0.0, 900.0],
            alpha_2d_voxels: [0.0, 200.0],
            sigma_voxels: [9.0, 13.0],
        },
        rotation: Rotation { probability: 1.0, max_degrees_3d: 15.0, max_degrees_2d: 180.0 },
        scaling: Scaling { probability: 1.0, range: [0.85, 1.25] },
        gamma: Gamma { probability: 1.0, range: [0.7, 1.5] },
        mirroring: Mirroring { probability: 0.5 },
        morphology: Morphology { probability: 0.0, radius_voxels: [1.0, 8.0] },
        component_removal: ComponentRemoval { probability: 0.0, max_patch_fraction: 0.15 },
    }
}

/// The hippocampus plan's 3D configuration, as far as augmentation looks at it.
fn configuration() -> Configuration {
    Configuration {
        spacing_mm: Spacing([1.0; 3]),
        median_shape: Shape([36, 50, 35]),
        slice_axis: 0,
        patch_size: Shape([40, 56, 40]),
        batch_size: 9,
        pool_depths: [3; 3],
        features_per_stage: vec![30, 60, 120, 240],
        batch_dice: false,
        augmentation: AugmentationKind::ThreeD,
        dummy_2d_axis: None,
    }
}
