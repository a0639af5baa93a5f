//! Device names to Burn devices: the only place that knows which backends are compiled in.
//!
//! Input: the name in a plan's `[runtime] device`. Output: a Burn device without automatic differentiation; the training
//! loop adds that once, by `device.autodiff()`. What is known of the devices of this machine is in [`found`].
//! Deliberately absent: a default. A run always says where it runs.
//!
//! The CPU backend, `flex`, works on rayon's global pool, and so do the loops of this crate; [`limit_threads`] sets the
//! size of that pool. Results do not depend on it.
//!
//! Building the `cuda` feature fetches an LLVM from the network (a build script of Burn's `cubecl-llvm`); the others do not.
//! With `cuda-nvrtc` that LLVM is linked but not called: kernels are compiled by the CUDA toolkit of the machine.

mod failure;
pub mod found;

use crate::units::counted;
use burn::tensor::Device;
use thiserror::Error;

pub use self::failure::{DeviceFailure, read_number, read_values};

/// A device cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum DeviceError {
    /// The name is none that the program knows.
    #[error("unknown device `{name}`; known are {}", known())]
    Unknown {
        /// The name as given.
        name: String,
    },
    /// What follows the colon is not a device number, or the backend has no numbered devices.
    #[error("device `{name}`: `{number}` is not a device number; write `{backend}`{}", numbered_example(.backend))]
    Number {
        /// The name as given.
        name: String,
        /// What followed the colon.
        number: String,
        /// The backend that was named.
        backend: &'static str,
    },
    /// The program was built without this backend.
    #[error(
        "device `{name}` is not in this build, which has {}; build it in with `cargo build --release --features {feature}`",
        list(&compiled())
    )]
    NotCompiled {
        /// The name as given.
        name: String,
        /// The cargo feature that adds the backend.
        feature: &'static str,
    },
    /// The backend is in this build, but the machine has no such device.
    #[error("device `{name}` is not on this machine, which has {}", list_or_none(present))]
    Absent {
        /// The name as given.
        name: String,
        /// Names of the devices that are there.
        present: Vec<String>,
    },
    /// The threads were already started with another count.
    #[error("cannot use {}: {reason}", counted(*threads, "thread"))]
    Threads {
        /// The count asked for.
        threads: usize,
        /// What rayon says.
        reason: String,
    },
}

/// The backends that a plan may name; each is also the name of its cargo feature.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Backend {
    Flex,
    Wgpu,
    Vulkan,
    Cuda,
}

impl Backend {
    const ALL: [Self; 4] = [Self::Flex, Self::Wgpu, Self::Vulkan, Self::Cuda];

    fn name(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::Wgpu => "wgpu",
            Self::Vulkan => "vulkan",
            Self::Cuda => "cuda",
        }
    }

    fn is_compiled(self) -> bool {
        match self {
            Self::Flex => cfg!(feature = "flex"),
            Self::Wgpu => cfg!(feature = "wgpu"),
            Self::Vulkan => cfg!(feature = "vulkan"),
            Self::Cuda => cfg!(feature = "cuda"),
        }
    }
}

/// The device of a name: `"flex"`, `"wgpu"`, `"vulkan"`, `"cuda"`, the latter three also with a number, as `"cuda:1"`.
///
/// Devices of a backend are counted from 0, graphics cards before integrated ones and these before software; without a
/// number, the first is taken. A graphics card is looked for, but not opened before the first tensor is put on it.
///
/// # Errors
///
/// When the name is unknown, its number is not one, its backend is not compiled in, or there is no such device; the message
/// lists the known names, gives the cargo command, or lists what there is.
pub fn device(name: &str) -> Result<Device, DeviceError> {
    let (backend, number) = parse(name)?;
    if !backend.is_compiled() {
        return Err(DeviceError::NotCompiled { name: name.to_owned(), feature: backend.name() });
    }
    let found = found::devices(backend).into_iter().nth(number.unwrap_or(0));
    found.ok_or_else(|| DeviceError::Absent { name: name.to_owned(), present: found::names() })
}

/// Whether a name is that of a device, in this build or another: a plan for a GPU can be read anywhere.
///
/// # Errors
///
/// When the name is unknown, or its number is not one.
pub fn check_name(name: &str) -> Result<(), DeviceError> {
    parse(name).map(|_| ())
}

fn parse(name: &str) -> Result<(Backend, Option<usize>), DeviceError> {
    let (backend, number) = match name.split_once(':') {
        Some((backend, number)) => (backend, Some(number)),
        None => (name, None),
    };
    let backend = Backend::ALL
        .into_iter()
        .find(|known| known.name() == backend)
        .ok_or_else(|| DeviceError::Unknown { name: name.to_owned() })?;
    let number = number
        .map(|text| {
            let wrong =
                || DeviceError::Number { name: name.to_owned(), number: text.to_owned(), backend: backend.name() };
            if backend == Backend::Flex { Err(wrong()) } else { text.parse::<usize>().map_err(|_| wrong()) }
        })
        .transpose()?;
    Ok((backend, number))
}

/// Whether a device compiles kernels when they are first needed, and times several to keep the fastest.
pub fn chooses_kernels(device: &Device) -> bool {
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

/// The backends of this build, in the order in which they are documented.
pub fn compiled() -> Vec<&'static str> {
    Backend::ALL.into_iter().filter(|backend| backend.is_compiled()).map(Backend::name).collect()
}

/// Sets how many threads the CPU work of the whole process uses; 0 takes one for each core.
///
/// To be called once, before anything else runs.
///
/// # Errors
///
/// When the threads have already been started.
pub fn limit_threads(threads: usize) -> Result<(), DeviceError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global()
        .map_err(|error| DeviceError::Threads { threads, reason: error.to_string() })
}

fn known() -> String {
    list(&["flex", "wgpu", "vulkan", "cuda:0"])
}

fn list(names: &[impl AsRef<str>]) -> String {
    names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}

fn list_or_none(names: &[String]) -> String {
    if names.is_empty() { "none that this build can use".to_owned() } else { list(names) }
}

fn numbered_example(backend: &str) -> String {
    if backend == Backend::Flex.name() { String::new() } else { format!(" or `{backend}:0`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_is_there_opens_without_differentiation() {
        for name in found::names() {
            assert!(!device(&name).expect("there").is_autodiff(), "{name}");
        }
    }

    #[cfg(feature = "flex")]
    #[test]
    fn the_devices_that_are_there_are_listed_where_one_is_absent() {
        assert_eq!(found::names()[0], "flex");
        let absent = DeviceError::Absent { name: "cuda:7".to_owned(), present: vec!["flex".into(), "cuda:0".into()] };
        assert_eq!(absent.to_string(), "device `cuda:7` is not on this machine, which has `flex`, `cuda:0`");
    }

    #[cfg(feature = "wgpu")]
    #[test]
    fn a_number_beyond_the_last_device_lists_those_that_are_there() {
        let message = device("wgpu:900").expect_err("no such device").to_string();
        assert!(message.starts_with("device `wgpu:900` is not on this machine, which has `flex`"), "{message}");
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let message = device("gpu").expect_err("no such device").to_string();
        assert_eq!(message, "unknown device `gpu`; known are `flex`, `wgpu`, `vulkan`, `cuda:0`");
    }

    #[test]
    fn a_wrong_number_says_what_to_write() {
        let message = device("cuda:first").expect_err("not a number").to_string();
        assert_eq!(message, "device `cuda:first`: `first` is not a device number; write `cuda` or `cuda:0`");
        let message = device("flex:0").expect_err("flex has one device").to_string();
        assert_eq!(message, "device `flex:0`: `0` is not a device number; write `flex`");
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_backend_outside_the_build_names_the_command_that_adds_it() {
        let message = device("cuda:0").expect_err("not compiled").to_string();
        assert!(message.starts_with("device `cuda:0` is not in this build"), "{message}");
        assert!(message.ends_with("`cargo build --release --features cuda`"), "{message}");
    }
}
