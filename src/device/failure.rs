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
