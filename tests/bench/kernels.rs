//! Times of the CPU's kernels, seconds, one JSON line a case: `cargo bench --bench kernels -- [--repeats N] CASE…`.
//!
//! `IN,OUT,Z,Y,X` is a convolution of two samples by 3 × 3 × 3: `{"forward": […], "backward": […]}`, where the backward
//! pass is that of input, weight and bias. `Z,Y,X,Z,Y,X` is a cubic resampling from the first shape to the second one:
//! `{"resample": […]}`. The scripts in `tests/bench/peers` call this and the peers in turn.

use std::hint::black_box;
use std::time::{Duration, Instant};

use ndarray::Array3;
use segplan::kernels::conv::{ConvDims, backward, forward};
use segplan::kernels::pages::KeptPages;
use segplan::volume::Shape;
use segplan::volume::resample::{Order, resize};
use serde_json::{Value, json};

/// Until caches, memory and clock are those of a process that has been at work.
const WARM_UP: Duration = Duration::from_millis(300);

/// As the program has it.
#[global_allocator]
static ALLOCATOR: KeptPages = KeptPages::new();

fn main() {
    let mut repeats = 5;
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        if argument == "--repeats" {
            repeats = arguments.next().and_then(|count| count.parse().ok()).expect("a number follows `--repeats`");
        } else {
            run(&argument, repeats);
        }
    }
}

#[expect(clippy::print_stdout, reason = "the lines are what the program is for")]
fn run(case: &str, repeats: usize) {
    let numbers: Vec<usize> = case.split(',').map(|number| number.parse().expect("numbers")).collect();
    let times = match numbers[..] {
        [inputs, outputs, z, y, x] => convolution(inputs, outputs, [z, y, x], repeats),
        [z, y, x, to_z, to_y, to_x] => json!({ "resample": resample([z, y, x], [to_z, to_y, to_x], repeats) }),
        _ => panic!("`{case}` is neither IN,OUT,Z,Y,X nor Z,Y,X,Z,Y,X"),
    };
    println!("{times}");
}

fn convolution(inputs: usize, outputs: usize, size: [usize; 3], repeats: usize) -> Value {
    let [z, y, x] = size;
    let sizes = ConvDims { samples: 2, inputs: vec![inputs], outputs, size, kernel: [3; 3] };
    let voxels = 2 * z * y * x;
    let (image, gradient) = (wave(voxels * inputs), wave(voxels * outputs));
    let (weight, bias) = (wave(27 * inputs * outputs), wave(outputs));
    let forward = times(repeats, || drop(black_box(forward(&sizes, &[&image], &weight, &bias))));
    let backward = times(repeats, || drop(black_box(backward(&sizes, &[&image], &weight, &gradient, true))));
    json!({ "forward": forward, "backward": backward })
}

fn resample(from: [usize; 3], to: [usize; 3], repeats: usize) -> Vec<f64> {
    let image = Array3::from_shape_vec(from, wave(from.iter().product())).expect("as many voxels as the shape has");
    times(repeats, || drop(black_box(resize(image.view(), Shape(to), Order::Cubic, None))))
}

/// Seconds of each of some repetitions, after as many as [`WARM_UP`] takes that are not counted.
fn times(repeats: usize, mut work: impl FnMut()) -> Vec<f64> {
    let begun = Instant::now();
    while begun.elapsed() < WARM_UP {
        work();
    }
    let mut time = || {
        let begun = Instant::now();
        work();
        begun.elapsed().as_secs_f64()
    };
    (0..repeats).map(|_| time()).collect()
}

fn wave(count: usize) -> Vec<f32> {
    (0..count).map(|at| (at as f32 * 0.7).sin()).collect()
}
