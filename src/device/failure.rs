//! What goes wrong on a device while it computes, and is only told when a result is read back.

use burn::tensor::{ExecutionError, Tensor};
use thiserror::Error;

/// Words by which the backends tell that an allocation failed; their error has no kind of its own for it.
const OUT_OF_MEMORY: [&str; 3] = ["out of device memory", "can't allocate buffer", "out-of-memory"];

/// A computation failed on its device.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum DeviceFailure {
    /// The device had no memory left.
    #[error("the device is out of memory ({0})")]
    OutOfMemory(String),
    /// Anything else.
    #[error("the device failed: {0}")]
    Other(String),
}

impl From<ExecutionError> for DeviceFailure {
    fn from(error: ExecutionError) -> Self {
        let text = error.to_string();
        // The lines after the reason are addresses of functions.
        let telling = |line: &&str| OUT_OF_MEMORY.iter().any(|words| line.to_lowercase().contains(words));
        match text.lines().find(telling) {
            Some(line) => Self::OutOfMemory(line.trim().to_owned()),
            None => {
                Self::Other(text.lines().filter(|line| !line.trim().is_empty()).take(4).collect::<Vec<_>>().join(" "))
            }
        }
    }
}

/// Reads one number back, which waits for the device.
///
/// # Errors
///
/// When something that the number depends on failed.
pub fn read_number(number: Tensor<1>) -> Result<f64, DeviceFailure> {
    let data = number.try_into_data()?.convert::<f64>();
    Ok(data.iter::<f64>().next().expect("a tensor of one element"))
}

/// Reads 32-bit floats back, which waits for the device.
///
/// # Errors
///
/// When something that they depend on failed.
///
/// # Panics
///
/// When they are of another type.
pub fn read_values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, DeviceFailure> {
    Ok(tensor.try_into_data()?.try_into_vec().expect("32-bit floats"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allocation_that_failed_is_told_from_other_failures() {
        let told = |reason: &str| DeviceFailure::from(ExecutionError::WithContext { reason: reason.to_owned() });
        let failure = told("the buffer was never written\n  out of device memory allocating 4096 bytes\n   0: main\n");
        assert_eq!(failure.to_string(), "the device is out of memory (out of device memory allocating 4096 bytes)");
        let failure = told("can't allocate buffer of size: 1099511627776\n");
        assert!(matches!(failure, DeviceFailure::OutOfMemory(_)), "{failure}");
        let failure = told("a kernel faulted");
        assert!(matches!(failure, DeviceFailure::Other(_)) && failure.to_string().contains("faulted"), "{failure}");
    }
}
