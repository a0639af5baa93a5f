//! Failures of a device during a computation. The backends compute asynchronously and report them when a result is read.

use burn::tensor::{ExecutionError, Tensor};
use thiserror::Error;

/// Phrases of the backends for a failed allocation, which Burn's error type does not distinguish.
const OUT_OF_MEMORY: [&str; 3] = ["out of device memory", "can't allocate buffer", "out-of-memory"];

/// A computation failed on its device.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DeviceFailure {
    /// An allocation failed.
    #[error("the device is out of memory ({0})")]
    OutOfMemory(String),
    /// Any other failure.
    #[error("the device failed: {0}")]
    Other(String),
}

impl From<ExecutionError> for DeviceFailure {
    fn from(error: ExecutionError) -> Self {
        let text = error.to_string();
        let is_memory = |line: &&str| OUT_OF_MEMORY.iter().any(|phrase| line.to_lowercase().contains(phrase));
        match text.lines().find(is_memory) {
            Some(line) => Self::OutOfMemory(line.trim().to_owned()),
            None => {
                // The reason comes first; a backtrace follows.
                Self::Other(text.lines().filter(|line| !line.trim().is_empty()).take(4).collect::<Vec<_>>().join(" "))
            }
        }
    }
}

/// Reads a scalar from the device, after waiting for it.
///
/// # Errors
///
/// When a computation that the scalar depends on failed.
pub fn read_number(scalar: Tensor<1>) -> Result<f64, DeviceFailure> {
    let data = scalar.try_into_data()?.convert::<f64>();
    Ok(data.iter::<f64>().next().expect("a tensor of one element"))
}

/// Reads a tensor of 32-bit floats from the device, after waiting for it; the last axis varies fastest.
///
/// # Errors
///
/// When a computation that the tensor depends on failed.
///
/// # Panics
///
/// When the tensor has another dtype.
pub fn read_values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, DeviceFailure> {
    Ok(tensor.try_into_data()?.try_into_vec().expect("32-bit floats"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_allocation_is_distinguished_from_other_failures() {
        let failure_of = |reason: &str| DeviceFailure::from(ExecutionError::WithContext { reason: reason.to_owned() });
        let failure =
            failure_of("the buffer was never written\n  out of device memory allocating 4096 bytes\n   0: main\n");
        assert_eq!(failure.to_string(), "the device is out of memory (out of device memory allocating 4096 bytes)");
        let failure = failure_of("can't allocate buffer of size: 1099511627776\n");
        assert!(matches!(failure, DeviceFailure::OutOfMemory(_)), "{failure}");
        let failure = failure_of("a kernel faulted");
        assert!(matches!(failure, DeviceFailure::Other(_)) && failure.to_string().contains("faulted"), "{failure}");
    }
}
