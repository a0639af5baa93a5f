//! Augmented 3D training patches per second on one thread, compared with batchgenerators if a Python that has it is given.
//!
//! Every sample gets elastic deformation, rotation, scaling, gamma correction and mirroring; interpolation order 3 for the image and
//! 1 for the labels; 62 × 75 × 57 voxels in, 40 × 56 × 40 out. Run with `cargo bench --bench augment -- [PYTHON]`, where `PYTHON`
//! has batchgenerators installed.

#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use ndarray::{Array3, Array4};
use rand::RngExt as _;
use segplan::plan::read::load;
use segplan::plan::schema::ConfigurationName;
use segplan::random::{Key, Purpose, Rng, stream};
use segplan::train::augment::Augmenter;
use segplan::train::patch::Patch;
use segplan::volume::Shape;

const ROUNDS: usize = 7;
const PATCHES: u64 = 50;

fn main() {
    let augmenter = augmenter();
    let mut loaded = fixture(augmenter.loaded_size());
    // Real label maps consist of large regions of one label; two balls come close to that.
    let [z, y, x] = augmenter.loaded_size().0.map(|edge| edge as f64 / 2.0);
    loaded.labels = Array3::from_shape_fn(loaded.labels.dim(), |(i, j, k)| {
        let distance = ((i as f64 - z).powi(2) + (j as f64 - y).powi(2) + (k as f64 - x).powi(2)).sqrt();
        i16::from(distance < 16.0) + i16::from(distance < 9.0)
    });
    let mut speeds: Vec<f64> =
        (0..=ROUNDS).map(|round| measure_speed(&augmenter, &loaded, round as u64)).skip(1).collect();
    speeds.sort_by(f64::total_cmp);
    let ours = speeds[ROUNDS / 2];
    println!("segplan          {ours:8.1} patches per second (median of {ROUNDS})");
    let python = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    if let Some(theirs) = python.and_then(|python| run_batchgenerators(&python)) {
        println!("batchgenerators  {theirs:8.1} patches per second");
        println!("ratio            {:8.1}", ours / theirs);
    }
}

/// Patches per second.
fn measure_speed(augmenter: &Augmenter, loaded: &Patch, round: u64) -> f64 {
    let start = Instant::now();
    for sample in 0..PATCHES {
        let mut rng = rng([round, sample]);
        let draw = augmenter.draw(1, &mut rng);
        black_box(augmenter.apply(&draw, black_box(loaded)));
    }
    PATCHES as f64 / start.elapsed().as_secs_f64()
}

/// The median that the script for batchgenerators prints; `None` if it cannot run.
fn run_batchgenerators(python: &str) -> Option<f64> {
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

/// The hippocampus plan's 3D configuration and its ranges, with every transform on every sample.
fn augmenter() -> Augmenter {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/experiments/hippocampus.toml");
    let mut plan = load(Path::new(path), &[]).expect("a shipped plan").plan;
    plan.augment.elastic.probability = 1.0;
    plan.augment.rotation.probability = 1.0;
    plan.augment.scaling.probability = 1.0;
    plan.augment.gamma.probability = 1.0;
    Augmenter::new(&plan.augment, &plan.configurations[&ConfigurationName::FullRes])
}
