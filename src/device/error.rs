//! Reasons why a device cannot be used.

use thiserror::Error;

use super::backend::Backend;

/// A device cannot be used.
#[allow(missing_docs, reason = "the message explains the fields")]
#[derive(Debug, Error, PartialEq, Eq)]
pub enum DeviceError {
    /// No backend has this name.
    #[error("unknown device `{name}`; known devices: `cpu`, `wgpu`, `vulkan`, `cuda:0`")]
    Unknown { name: String },
    /// The text after the colon is not an index, or the devices of the backend have no index.
    #[error("device `{name}`: `{index}` is not a device index; write `{backend}`{}", indexed_example(*backend))]
    Index { name: String, index: String, backend: Backend },
    /// This build does not contain the backend.
    #[error(
        "device `{name}` is not in this build, which has {}; build it in with `cargo build --release --features {}`",
        quote(&Backend::compiled_names()),
        backend.feature()
    )]
    NotCompiled { name: String, backend: Backend },
    /// This build contains the backend, but the machine has no such device.
    #[error("device `{name}` is not on this machine, which has {}", quote_or_none(available))]
    Absent { name: String, available: Vec<String> },
}

fn indexed_example(backend: Backend) -> String {
    if backend.has_indices() { format!(" or `{backend}:0`") } else { String::new() }
}

fn quote(names: &[impl AsRef<str>]) -> String {
    names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}

fn quote_or_none(names: &[String]) -> String {
    if names.is_empty() { "none that this build can use".to_owned() } else { quote(names) }
}
