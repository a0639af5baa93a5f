//! Device names to Burn devices: the only place that knows which backends are compiled in.
//!
//! Input: `[runtime] device` of a plan. Output: a Burn device without automatic differentiation, which training adds with
//! `device.autodiff()`. [`available`] lists the devices of this machine. Deliberately absent: a default device; a run always
//! records where it computed.
//!
//! The CPU backend (Burn's `flex`) and the loops of this crate share rayon's global thread pool. Results do not depend on the
//! number of threads.
//!
//! Building with the feature `cuda` downloads LLVM (build script of `cubecl-llvm`); the other backends do not. With
//! `cuda-nvrtc`, that LLVM is linked but unused: the CUDA toolkit of the machine compiles the kernels.

pub mod available;
mod backend;
mod error;
mod failure;
mod name;

use burn::tensor::Device;

pub use self::backend::Backend;
pub use self::error::DeviceError;
pub use self::failure::{DeviceFailure, read_number, read_values};
pub use self::name::DeviceName;

/// The Burn device of a name such as `cpu`, `wgpu` or `cuda:1`.
///
/// The devices of a backend are numbered from 0: discrete GPUs, then integrated ones, then software. Without an index, the
/// first is used. A GPU is looked up but not initialised before its first tensor.
///
/// # Errors
///
/// When the name is unknown, its index is not a number, this build lacks the backend, or this machine lacks the device.
pub fn open_device(name: &str) -> Result<Device, DeviceError> {
    let DeviceName { backend, index } = name.parse()?;
    if !backend.is_compiled() {
        return Err(DeviceError::NotCompiled { name: name.to_owned(), backend });
    }
    let device = available::devices(backend).into_iter().nth(index.unwrap_or(0));
    device.ok_or_else(|| DeviceError::Absent { name: name.to_owned(), available: available::list_names() })
}

/// Whether the device compiles kernels on first use and times alternatives to find the fastest (autotuning).
pub fn autotunes_kernels(device: &Device) -> bool {
    cfg_select! {
        any(feature = "wgpu", feature = "cuda") => {
            matches!(device.as_dispatch(), burn::backend::DispatchDevice::Cube(_))
        }
        _ => {
            let _ = device;
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn available_devices_open_without_differentiation() {
        for name in available::list_names() {
            assert!(!open_device(&name).expect("available").is_autodiff(), "{name}");
        }
    }

    #[cfg(feature = "flex")]
    #[test]
    fn an_absent_device_lists_the_available_ones() {
        assert_eq!(available::list_names()[0], "cpu");
        let available = vec!["cpu".into(), "cuda:0".into()];
        let absent = DeviceError::Absent { name: "cuda:7".to_owned(), available };
        assert_eq!(absent.to_string(), "device `cuda:7` is not on this machine, which has `cpu`, `cuda:0`");
    }

    #[cfg(feature = "wgpu")]
    #[test]
    fn an_index_beyond_the_last_device_lists_the_available_ones() {
        let message = open_device("wgpu:900").expect_err("no such device").to_string();
        assert!(message.starts_with("device `wgpu:900` is not on this machine, which has `cpu`"), "{message}");
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_backend_outside_the_build_shows_the_command_that_adds_it() {
        let message = open_device("cuda:0").expect_err("not compiled").to_string();
        assert!(message.starts_with("device `cuda:0` is not in this build, which has `cpu`"), "{message}");
        assert!(message.ends_with("`cargo build --release --features cuda`"), "{message}");
    }
}
