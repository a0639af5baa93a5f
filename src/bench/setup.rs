//! The configuration that is timed, and the number of measurements.

use std::time::Instant;

use burn::tensor::Device;

use crate::plan::schema::{Configuration, ConfigurationName, Plan};
use crate::run::Listener;
use crate::statistics;

/// A configuration to time on a device.
#[derive(Clone, Copy)]
pub(super) struct Setup<'a> {
    pub(super) plan: &'a Plan,
    pub(super) name: ConfigurationName,
    pub(super) configuration: &'a Configuration,
    pub(super) repetitions: usize,
    pub(super) device: &'a Device,
    pub(super) listener: &'a dyn Listener,
}

/// Median time of some repetitions after a warm-up, seconds.
pub(super) fn median_seconds(repetitions: usize, mut work: impl FnMut()) -> f64 {
    work();
    let time = |_| {
        let started = Instant::now();
        work();
        started.elapsed().as_secs_f64()
    };
    let times: Vec<f64> = (0..repetitions.max(1)).map(time).collect();
    statistics::median(&times).unwrap_or_default()
}
