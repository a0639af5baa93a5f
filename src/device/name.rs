//! Device names as written in a plan: a backend and, for GPUs, an optional index.

use std::fmt;
use std::str::FromStr;

use super::backend::Backend;
use super::error::DeviceError;

/// The name of a device: `cpu`, `wgpu`, `vulkan`, `cuda`, or one of the latter three with an index such as `cuda:1`.
///
/// `flex` is parsed as `cpu`; [`fmt::Display`] writes `cpu`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceName {
    /// The backend.
    pub backend: Backend,
    /// Index among the devices of the backend, from 0; `None` means the first.
    pub index: Option<usize>,
}

impl FromStr for DeviceName {
    type Err = DeviceError;

    /// # Errors
    ///
    /// When the backend is unknown, or the index is not a number. A backend that this build lacks is not an error: a plan
    /// for a GPU can be read anywhere.
    fn from_str(name: &str) -> Result<Self, DeviceError> {
        let (backend, index) = match name.split_once(':') {
            Some((backend, index)) => (backend, Some(index)),
            None => (name, None),
        };
        let backend = Backend::find(backend).ok_or_else(|| DeviceError::Unknown { name: name.to_owned() })?;
        let Some(text) = index else { return Ok(Self { backend, index: None }) };
        match text.parse() {
            Ok(index) if backend.has_indices() => Ok(Self { backend, index: Some(index) }),
            _ => Err(DeviceError::Index { name: name.to_owned(), index: text.to_owned(), backend }),
        }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.index {
            Some(index) => write!(out, "{}:{index}", self.backend),
            None => write!(out, "{}", self.backend),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(name: &str) -> String {
        name.parse::<DeviceName>().expect_err("not a device name").to_string()
    }

    #[test]
    fn names_survive_parsing_and_flex_is_the_cpu() {
        for name in ["cpu", "wgpu", "vulkan:2", "cuda", "cuda:1"] {
            assert_eq!(name.parse::<DeviceName>().expect("a device name").to_string(), name);
        }
        assert_eq!("flex".parse::<DeviceName>().expect("an alias").to_string(), "cpu");
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        assert_eq!(error_of("gpu"), "unknown device `gpu`; known devices: `cpu`, `wgpu`, `vulkan`, `cuda:0`");
    }

    #[test]
    fn a_wrong_index_shows_what_to_write() {
        assert_eq!(
            error_of("cuda:first"),
            "device `cuda:first`: `first` is not a device index; write `cuda` or `cuda:0`"
        );
        assert_eq!(error_of("cpu:0"), "device `cpu:0`: `0` is not a device index; write `cpu`");
    }
}
