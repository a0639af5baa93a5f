//! The result of a benchmark, as JSON and as text.

use serde::Serialize;

use crate::plan::schema::ConfigurationName;
use crate::units::{counted, format_bytes};

/// Times of one configuration: medians, seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timings {
    /// The configuration.
    pub configuration: ConfigurationName,
    /// The device.
    pub device: String,
    /// Threads.
    pub threads: usize,
    /// Patch, voxels, `[z, y, x]`.
    pub patch_size: [usize; 3],
    /// Patches in a batch.
    pub batch_size: usize,
    /// Trainable parameters of the network.
    pub parameters: u64,
    /// Number of measurements after a warm-up.
    pub repetitions: usize,
    /// Forward pass, loss, backward pass and Adam for one batch.
    pub train_step_s: f64,
    /// Forward pass without gradients for one batch.
    pub forward_s: f64,
    /// Training throughput, voxels per second.
    pub train_voxels_per_s: f64,
    /// Speed of the convolutions in a training step, GFLOP/s.
    pub train_gflops: f64,
    /// Speed of the convolutions in a forward pass, GFLOP/s.
    pub forward_gflops: f64,
    /// Peak speed of the device, GFLOP/s: of a matrix product, or on the CPU of multiply-adds in registers if that is higher.
    pub peak_gflops: f64,
    /// Reading, cropping, resampling and normalising one case; `None` without the data set.
    pub preprocess_case_s: Option<f64>,
    /// Throughput of the loader with nothing else running, augmented patches per second; `None` without the data set.
    pub loader_patches_per_s: Option<f64>,
    /// Prediction of one case with test-time mirroring, resampled to its own grid; `None` without the data set.
    pub predict_case_s: Option<f64>,
    /// Forward passes of that prediction: tiles times mirrorings.
    pub predict_passes: Option<usize>,
    /// Peak resident memory of the process, bytes; `None` if the system does not report it.
    pub peak_rss_bytes: Option<u64>,
    /// Estimated memory of a training step, bytes.
    pub estimated_bytes: u64,
    /// Memory of the device's allocator after the training steps, bytes; `None` if the backend does not report it.
    pub device_bytes: Option<u64>,
}

impl Timings {
    /// The timings as text, for a terminal.
    pub fn table(&self) -> String {
        let seconds = |value: f64| format!("{value:.4} s");
        let or_not = |value: Option<String>| value.unwrap_or_else(|| "not timed".to_owned());
        let if_known = |bytes: Option<u64>| bytes.map_or_else(|| "unknown".to_owned(), format_bytes);
        let speed = |gflops: f64| format!("{gflops:.0} GFLOP/s, {:.0} % of peak", 100.0 * gflops / self.peak_gflops);
        let with_passes = |(time, passes): (f64, usize)| format!("{} ({})", seconds(time), counted(passes, "pass"));
        let [z, y, x] = self.patch_size;
        let rows = [
            ("configuration", format!("{}, patch {z} × {y} × {x}, batch {}", self.configuration, self.batch_size)),
            ("device", format!("{}, {}", self.device, counted(self.threads, "thread"))),
            ("parameters", self.parameters.to_string()),
            ("peak", format!("{:.0} GFLOP/s", self.peak_gflops)),
            ("training step", format!("{} ({})", seconds(self.train_step_s), speed(self.train_gflops))),
            ("forward pass", format!("{} ({})", seconds(self.forward_s), speed(self.forward_gflops))),
            ("training voxels", format!("{:.3} million/s", self.train_voxels_per_s / 1e6)),
            ("preprocessing a case", or_not(self.preprocess_case_s.map(seconds))),
            ("loader", or_not(self.loader_patches_per_s.map(|rate| format!("{rate:.1} patches/s")))),
            ("predicting a case", or_not(self.predict_case_s.zip(self.predict_passes).map(with_passes))),
            ("peak memory", if_known(self.peak_rss_bytes)),
            ("device memory", if_known(self.device_bytes)),
            ("estimated for training", format_bytes(self.estimated_bytes)),
        ];
        let lines: Vec<String> = rows.into_iter().map(|(name, value)| format!("{name:<24}{value}")).collect();
        lines.join("\n")
    }
}
