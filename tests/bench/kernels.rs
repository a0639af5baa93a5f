//! Times of the CPU kernels in seconds, one JSON line per case: `cargo bench --bench kernels -- [--repeats N] CASE…`.
//!
//! A case `IN,OUT,Z,Y,X` is a 3 × 3 × 3 convolution of two samples, which a kernel `,KZ,KY,KX` and a stride `,SZ,SY,SX` may follow:
//! `{"forward": […], "backward": […]}`; the backward pass computes the gradients of input, weight and bias. A case
//! `CHANNELS,Z,Y,X,KZ,KY,KX` is an average pooling of two samples, with the same results. A case `Z,Y,X,Z,Y,X` resamples cubically
//! from the first shape to the second: `{"resample": […]}`. The scripts in `tests/bench/peers` time these kernels and their peers alternately.

use std::hint::black_box;
use std::time::{Duration, Instant};

use ndarray::Array3;
use segplan::alloc::CachingAllocator;
use segplan::kernels::avg_pool::AvgPool;
use segplan::kernels::conv::{ConvDims, Requested, backward, forward};
use segplan::volume::Shape;
use segplan::volume::resample::{Order, resize};
use serde_json::{Value, json};

/// Time after which caches, memory and clock rate have settled.
const WARM_UP: Duration = Duration::from_millis(300);

#[global_allocator]
static ALLOCATOR: CachingAllocator = CachingAllocator::new();

fn main() {
    let mut repeats = 5;
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        if argument == "--repeats" {
            repeats = arguments.next().and_then(|count| count.parse().ok()).expect("`--repeats` needs a number");
        } else {
            run(&argument, repeats);
        }
    }
}

#[expect(clippy::print_stdout, reason = "the output of this program")]
fn run(case: &str, repeats: usize) {
    let numbers: Vec<usize> = case.split(',').map(|number| number.parse().expect("numbers")).collect();
    let times = match numbers[..] {
        [inputs, outputs, z, y, x] => convolution(&dims([inputs, outputs], [z, y, x], [3; 3], [1; 3]), repeats),
        [inputs, outputs, z, y, x, kz, ky, kx, sz, sy, sx] => {
            convolution(&dims([inputs, outputs], [z, y, x], [kz, ky, kx], [sz, sy, sx]), repeats)
        }
        [channels, z, y, x, kz, ky, kx] => average_pooling(channels, [z, y, x], [kz, ky, kx], repeats),
        [z, y, x, to_z, to_y, to_x] => json!({ "resample": resample([z, y, x], [to_z, to_y, to_x], repeats) }),
        _ => panic!("`{case}` has another number of values than every kind of case"),
    };
    println!("{times}");
}

fn dims([inputs, outputs]: [usize; 2], size: [usize; 3], kernel: [usize; 3], stride: [usize; 3]) -> ConvDims {
    ConvDims { samples: 2, inputs: vec![inputs], outputs, size, kernel, stride, padding: kernel.map(|edge| edge / 2) }
}

fn convolution(dims: &ConvDims, repeats: usize) -> Value {
    let (inputs, outputs) = (dims.inputs[0], dims.outputs);
    let [voxels, output_voxels, taps] =
        [dims.size, dims.output_size(), dims.kernel].map(|edges| edges.iter().product::<usize>());
    let (image, gradient) = (wave(2 * voxels * inputs), wave(2 * output_voxels * outputs));
    let (weight, bias) = (wave(taps * inputs * outputs), wave(outputs));
    let requested = Requested { inputs: true, bias: true };
    let forward = times(repeats, || drop(black_box(forward(dims, &[&image], &weight, &bias))));
    let backward = times(repeats, || drop(black_box(backward(dims, &[&image], &weight, &gradient, requested))));
    json!({ "forward": forward, "backward": backward })
}

fn average_pooling(channels: usize, size: [usize; 3], kernel: [usize; 3], repeats: usize) -> Value {
    let pool = AvgPool { size, kernel };
    let [voxels, pooled_voxels] = [size, pool.pooled()].map(|edges| edges.iter().product::<usize>());
    let (maps, gradient) = (wave(2 * channels * voxels), wave(2 * channels * pooled_voxels));
    let forward = times(repeats, || drop(black_box(pool.forward(&maps))));
    let backward = times(repeats, || drop(black_box(pool.backward(&gradient))));
    json!({ "forward": forward, "backward": backward })
}

fn resample(from: [usize; 3], to: [usize; 3], repeats: usize) -> Vec<f64> {
    let image = Array3::from_shape_vec(from, wave(from.iter().product())).expect("one value per voxel");
    times(repeats, || drop(black_box(resize(image.view(), Shape(to), Order::Cubic, None))))
}

/// Seconds of each repetition, after repetitions for [`WARM_UP`] that are not counted.
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
