//! The devices of this machine and their properties.
//!
//! Input: the machine. Output: device names that a plan can use, best first. Deliberately absent: choosing one.

use burn::tensor::Device;
#[cfg(feature = "wgpu")]
use burn::tensor::DeviceKind;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
use burn::tensor::DeviceType;

use super::backend::Backend;
use super::name::DeviceName;

/// A device of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// The name in a plan.
    pub name: DeviceName,
    /// Product name, such as `NVIDIA H100`.
    pub product: Option<String>,
    /// Memory for tensors, bytes.
    pub memory: Option<u64>,
    /// Driver and its version.
    pub driver: Option<String>,
}

/// Names of the devices that this build can use on this machine, in the order of [`Backend::ALL`].
pub fn list_names() -> Vec<String> {
    enumerate().into_iter().map(|(name, _)| name.to_string()).collect()
}

/// The same devices with their properties. Initialises every device.
pub fn describe() -> Vec<DeviceInfo> {
    let describe = |(name, device): (DeviceName, Device)| {
        let product = find_product(&device);
        let driver = product.as_deref().and_then(|product| find_driver(name.backend, product));
        DeviceInfo { name, memory: find_memory(&device), driver, product }
    };
    enumerate().into_iter().map(describe).collect()
}

fn enumerate() -> Vec<(DeviceName, Device)> {
    let named = |backend: Backend| {
        let name = move |index| DeviceName { backend, index: backend.has_indices().then_some(index) };
        devices(backend).into_iter().enumerate().map(move |(index, device)| (name(index), device))
    };
    Backend::ALL.into_iter().flat_map(named).collect()
}

/// The devices of a backend, best first; empty if this build lacks the backend.
#[allow(clippy::match_same_arms, reason = "the arms differ in a build that has the backends")]
pub(super) fn devices(backend: Backend) -> Vec<Device> {
    match backend {
        Backend::Cpu => cfg_select! { feature = "flex" => { vec![Device::flex()] } _ => { Vec::new() } },
        Backend::Wgpu => cfg_select! {
            feature = "wgpu" => { sort_best_first(Device::enumerate(DeviceType::Wgpu).into_vec(), Device::wgpu) }
            _ => { Vec::new() }
        },
        Backend::Vulkan => cfg_select! {
            feature = "vulkan" => { sort_best_first(Device::enumerate(DeviceType::Vulkan).into_vec(), Device::vulkan) }
            _ => { Vec::new() }
        },
        Backend::Cuda => cfg_select! {
            feature = "cuda" => { Device::enumerate(DeviceType::Cuda).into_vec() }
            _ => { Vec::new() }
        },
    }
}

/// Sorts discrete GPUs before integrated ones, virtual ones, software and all others; `open` maps a kind to its device.
#[cfg(feature = "wgpu")]
fn sort_best_first(found: Vec<Device>, open: fn(DeviceKind) -> Device) -> Vec<Device> {
    let kinds: [fn(usize) -> DeviceKind; 4] =
        [DeviceKind::DiscreteGpu, DeviceKind::IntegratedGpu, DeviceKind::VirtualGpu, |_| DeviceKind::Cpu];
    let candidates = kinds.into_iter().flat_map(|kind| (0..found.len()).map(move |index| open(kind(index))));
    let mut sorted: Vec<Device> = Vec::new();
    for device in candidates.filter(|device| found.contains(device)).chain(found.iter().cloned()) {
        if !sorted.contains(&device) {
            sorted.push(device);
        }
    }
    sorted
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn find_product(device: &Device) -> Option<String> {
    device.identity().map(|identity| identity.name)
}

#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
fn find_product(_: &Device) -> Option<String> {
    None
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn find_memory(device: &Device) -> Option<u64> {
    match device.as_dispatch() {
        burn::backend::DispatchDevice::Cube(device) => device.client().properties().memory.max_memory(),
        _ => None,
    }
}

#[cfg(not(any(feature = "wgpu", feature = "cuda")))]
fn find_memory(_: &Device) -> Option<u64> {
    None
}

/// Driver of a product, as the graphics API reports it; the CUDA backend does not.
#[cfg(feature = "wgpu")]
fn find_driver(backend: Backend, product: &str) -> Option<String> {
    use burn::backend::wgpu::wgpu::{Adapter, Backends, Instance, InstanceDescriptor};
    if backend == Backend::Cuda {
        return None;
    }
    let instance = Instance::new(InstanceDescriptor::new_without_display_handle());
    let adapters = burn::tensor::try_read_sync(instance.enumerate_adapters(Backends::all()))?;
    let info = adapters.iter().map(Adapter::get_info).find(|info| info.name == product)?;
    let driver = format!("{} {}", info.driver, info.driver_info).trim().to_owned();
    (!driver.is_empty()).then_some(driver)
}

#[cfg(not(feature = "wgpu"))]
fn find_driver(_: Backend, _: &str) -> Option<String> {
    None
}
