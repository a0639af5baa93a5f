//! What a bench measured, as JSON and as text.

use serde::Serialize;

use crate::plan::schema::ConfigurationName;
use crate::units::counted;

/// What was measured of one configuration. Times are medians, seconds.
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
    /// Trainable numbers of the network.
    pub parameters: u64,
    /// Times that each was measured after one warm-up; the medians are reported.
    pub repetitions: usize,
    /// Forward, loss, backward and Adam, on one batch.
    pub train_step_s: f64,
    /// Forward pass without gradients, on one batch.
    pub forward_s: f64,
    /// Voxels of patches that a training step takes in a second.
    pub train_voxels_per_s: f64,
    /// Arithmetic of the convolutions in a training step, 10⁹ operations a second.
    pub train_gflops: f64,
    /// Arithmetic of the convolutions in a forward pass, 10⁹ operations a second.
    pub forward_gflops: f64,
    /// The most that was measured of this device, 10⁹ operations a second: on the CPU of multiply-adds in registers,
    /// elsewhere of a product of two matrices.
    pub peak_gflops: f64,
    /// Reading, cropping, resampling and normalising one case; absent without the data set.
    pub preprocess_case_s: Option<f64>,
    /// Augmented training patches a second that the loader makes with nothing else running; absent without the data set.
    pub loader_patches_per_s: Option<f64>,
    /// Prediction of one case, mirrored and back on its own grid; absent without the data set.
    pub predict_case_s: Option<f64>,
    /// Passes of a patch through the network that this prediction takes: windows times mirrorings.
    pub predict_passes: Option<usize>,
    /// Most memory that the process has held so far, bytes; absent where the system does not tell.
    pub peak_rss_bytes: Option<u64>,
    /// Memory that a training step is estimated to take, bytes.
    pub estimated_bytes: u64,
    /// Memory that the device's allocator holds after the training steps, bytes; absent where the backend does not tell.
    pub device_bytes: Option<u64>,
}

impl Timings {
    /// The timings as text, for a terminal.
    pub fn table(&self) -> String {
        let seconds = |value: f64| format!("{value:.4} s");
        let mebibytes = |bytes: u64| format!("{} MiB", bytes >> 20);
        let or_not = |value: Option<String>| value.unwrap_or_else(|| "not timed".to_owned());
        let if_known = |bytes: Option<u64>| bytes.map_or_else(|| "not known".to_owned(), mebibytes);
        let share =
            |gflops: f64| format!("{gflops:.0} GFLOP/s, {:.0} % of the peak", 100.0 * gflops / self.peak_gflops);
        let of_passes =
            |(time, passes): (f64, usize)| format!("{} ({} of a patch)", seconds(time), counted(passes, "pass"));
        let [z, y, x] = self.patch_size;
        let rows = [
            ("configuration", format!("{}, patch {z} × {y} × {x}, batch {}", self.configuration, self.batch_size)),
            ("device", format!("{}, {}", self.device, counted(self.threads, "thread"))),
            ("parameters", self.parameters.to_string()),
            ("measured peak", format!("{:.0} GFLOP/s", self.peak_gflops)),
            ("training step", format!("{} ({})", seconds(self.train_step_s), share(self.train_gflops))),
            ("forward pass", format!("{} ({})", seconds(self.forward_s), share(self.forward_gflops))),
            ("training voxels", format!("{:.3} million a second", self.train_voxels_per_s / 1e6)),
            ("preprocessing a case", or_not(self.preprocess_case_s.map(seconds))),
            ("loader", or_not(self.loader_patches_per_s.map(|rate| format!("{rate:.1} patches a second")))),
            ("predicting a case", or_not(self.predict_case_s.zip(self.predict_passes).map(of_passes))),
            ("peak memory", if_known(self.peak_rss_bytes)),
            ("memory of the device", if_known(self.device_bytes)),
            ("estimated to train", mebibytes(self.estimated_bytes)),
        ];
        let lines: Vec<String> = rows.into_iter().map(|(name, value)| format!("{name:<24}{value}")).collect();
        lines.join("\n")
    }
}
